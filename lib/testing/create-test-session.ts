import type { Sessions } from '../../types/fastify.js'
import type { Transport } from '../../types/options.js'
import type { Identity, Tokens } from '../../types/session.js'
import { tokenNamesOf } from '../http/transport/token-names.js'

/** An app, or the scope of one that registered the plugin. */
export interface AppWithSessions {
  ready(): PromiseLike<unknown>
  sessions: Sessions
}

/** A session, ready to be sent: `app.inject({ url, headers, cookies })`. */
export interface TestSession {
  /** The access token; and the refresh token with transport `'header'`. */
  headers: Record<string, string>
  /** The refresh token with transport `'cookie'`. */
  cookies: Record<string, string>
  /** The refresh token with transport `'body'`. */
  payload: { refresh_token: string } | undefined
  tokens: Tokens
}

/**
 * Starts a session without a login, as `app.sessions.create` does, and puts its tokens where the app's options
 * say that they travel.
 * @param options.transport how the refresh token travels; `'cookie'` where it is left out
 * @throws `FRT_ERR_INVALID_IDENTITY`, `FRT_ERR_STORE_UNAVAILABLE`
 */
export async function createTestSession(
  app: AppWithSessions,
  identity: Identity,
  { transport = 'cookie' }: { transport?: Transport } = {}
): Promise<TestSession> {
  // Only where it has to be: a scope of an app that is ready cannot be asked.
  if (!app.sessions) await app.ready()
  const tokens = await app.sessions.create(identity)
  const { refreshToken } = tokens
  const names = tokenNamesOf(app.sessions)
  return {
    headers: {
      [names.accessToken]: `Bearer ${tokens.accessToken}`,
      ...(transport === 'header' && { [names.header]: refreshToken })
    },
    cookies: transport === 'cookie' ? { [names.cookie]: refreshToken } : {},
    payload: transport === 'body' ? { refresh_token: refreshToken } : undefined,
    tokens
  }
}

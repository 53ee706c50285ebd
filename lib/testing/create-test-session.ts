import type { Sessions } from '../../types/fastify.js'
import type { Identity, Tokens } from '../../types/session.js'
import type { Transport } from '../../types/transport.js'
import { tokenNamesOf } from '../http/transport/token-names.js'
import { jktOf, type ProofKeyPair } from '../tokens/proof/create-proof.js'

/** An application, or the scope that registered the plugin. */
export interface AppWithSessions {
  ready(): PromiseLike<unknown>
  sessions: Sessions
}

/** The tokens of a session as options of `app.inject({ url, headers, cookies })`. */
export interface TestSession {
  /** The access token. With transport `'header'` also the refresh token. */
  headers: Record<string, string>
  /** The refresh token with transport `'cookie'`. */
  cookies: Record<string, string>
  /** The refresh token with transport `'body'`. */
  payload: { refresh_token: string } | undefined
  tokens: Tokens
}

/**
 * Creates a session without a login, as `app.sessions.create` does. Returns its tokens under the header and cookie
 * names of the application.
 *
 * @param options.transport the transport of the refresh token, `'cookie'` by default
 * @param options.key binds the session to this key, see `createProof`
 * @throws {FRT_ERR_INVALID_IDENTITY} if the identity is invalid
 * @throws {FRT_ERR_STORE_UNAVAILABLE} if the store does not reply in time
 */
export async function createTestSession(
  app: AppWithSessions,
  identity: Identity,
  { transport = 'cookie', key }: { transport?: Transport; key?: ProofKeyPair } = {}
): Promise<TestSession> {
  // Wait only if necessary, because `ready` fails on a scope of an application that is already ready.
  if (!app.sessions) await app.ready()
  const tokens = await app.sessions.create(key ? { ...identity, jkt: jktOf(key) } : identity)
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

import type { Environment } from './environment.js'
import { createGuardedFetch, usableToken } from './guarded-fetch.js'
import { KeptToken } from './kept-token.js'
import { Refresher } from './refresher.js'
import { Retry, type Tried } from './retry.js'
import { issuedToken, readJson, Server } from './server.js'
import { Session } from './session.js'
import { type News, Tabs } from './tabs.js'
import type { AuthFetch, AuthFetchOptions } from './types.js'

/** Puts the client together, for a runtime. */
export function createAuthFetchIn(
  environment: Environment,
  { baseUrl: base, prefix = '/auth', origins = [], storage, onSessionEnd = () => {} }: AuthFetchOptions
): AuthFetch {
  const baseUrl = new URL(base)
  const routes = baseUrl.href.replace(/\/$/, '') + prefix
  const session = new Session(environment, onSessionEnd)
  const kept = storage ? new KeptToken(storage) : null
  const server = new Server(environment, routes, !storage)
  const tabs = new Tabs(environment, `fastify-refresh-token ${routes}`, hear)
  const retry = new Retry(environment)
  const refresher = new Refresher({ session, server, tabs, retry, kept })
  let loggingIn: Promise<unknown> = Promise.resolve()

  function hear(news: News): void {
    if (news.type === 'logout') session.end('logout')
    else if (news.type === 'login') session.begin(news.token)
    else session.renew(news.token)
  }

  async function login(body: unknown, path = `${routes}/login`): Promise<Response> {
    const { epoch } = session
    const response = await server.post(new URL(path, baseUrl).href, body)
    const answer = response.ok ? await readJson(response.clone()) : undefined
    const token = issuedToken(answer)
    // A logout that came meanwhile wins; so does another login.
    if (!token || session.epoch !== epoch) return response
    session.begin(token)
    const begun = session.epoch
    const refreshToken = answer?.refresh_token
    if (kept && typeof refreshToken === 'string') await kept.set(refreshToken, () => session.epoch === begun)
    if (session.epoch === begun) tabs.tell({ type: 'login', token })
    return response
  }

  async function logout(): Promise<void> {
    const { token } = session
    session.end('logout')
    tabs.tell({ type: 'logout' })
    // A login that is on its way would leave a session behind.
    await loggingIn
    const refreshToken = kept && (await kept.take())
    const body = refreshToken === null ? undefined : { refresh_token: refreshToken }
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    await new Retry(environment).untilDone(() => tellOfLogout(body, headers))
  }

  async function tellOfLogout(body: object | undefined, headers: Record<string, string>): Promise<Tried> {
    try {
      const { status, retryAfterMs } = await server.ask('/logout', body, { headers })
      if (status === 200) return { done: true }
      return { done: false, retryAfterMs, cause: new Error(String(status)) }
    } catch (cause) {
      return { done: false, retryAfterMs: 0, cause }
    }
  }

  return {
    fetch: createGuardedFetch({
      environment,
      session,
      refresher,
      baseUrl,
      origins: new Set([baseUrl.origin, ...origins]),
      open: new Set(['/login', '/refresh', '/logout'].map((route) => routes + route))
    }),
    login(body, path) {
      const answer = login(body, path)
      loggingIn = answer.catch(() => {})
      return answer
    },
    logout,
    getAccessToken: ({ minValidity = 0 } = {}) => usableToken({ session, refresher }, 1, minValidity * 1000),
    close: () => tabs.close()
  }
}

import { issuedToken, readJson, Server } from './auth-api.js'
import { createGuardedFetch, usableToken } from './authenticated-fetch.js'
import { Retry, type Tried } from './retry.js'
import type { Environment } from './runtime.js'
import { Session } from './session-state.js'
import { type News, Tabs } from './tab-sync.js'
import { Refresher } from './token-refresher.js'
import { KeptToken } from './token-storage.js'
import type { AuthFetch, AuthFetchOptions } from './types.js'

interface Tokens {
  token: string | null
  refreshToken: string | null
}

const NOTHING: Readonly<Tokens> = { token: null, refreshToken: null }

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
  const tabs = new Tabs(environment, `fastify-refresh-token ${routes}`, storage ? storage.name : '', hear)
  const retry = new Retry(environment)
  const refresher = new Refresher({ session, server, tabs, retry, kept })
  let loggingIn: Promise<unknown> = Promise.resolve()
  let leaving: Promise<unknown> = Promise.resolve()
  /** What a logout could not tell the server: the next one tries again. */
  let untold: Readonly<Tokens> = NOTHING

  function hear(news: News): void {
    if (news.type === 'logout') session.end('logout')
    else if (news.type === 'login') session.begin(news.token)
    else session.renew(news.token)
  }

  async function login(body: unknown, path = `${routes}/login`): Promise<Response> {
    const { epoch } = session
    // A logout that is on its way would take the new cookie along, and end what it names.
    await leaving
    const response = await server.post(new URL(path, baseUrl).href, body)
    const answer = response.ok ? await readJson(response.clone()) : undefined
    const token = issuedToken(answer)
    if (!token) return response
    const refreshToken = typeof answer?.refresh_token === 'string' ? answer.refresh_token : null
    const tokens = { token: token.value, refreshToken }
    // A logout that came meanwhile wins. Of two logins the last does, whose cookie the browser has kept.
    if (session.isOver && session.epoch !== epoch) {
      await leave(tokens).catch(() => {})
      return response
    }
    session.begin(token)
    const begun = session.epoch
    try {
      if (kept && refreshToken !== null) await kept.set(refreshToken, () => session.epoch === begun)
    } catch (error) {
      session.end('logout')
      await leave(tokens).catch(() => {})
      throw error
    }
    if (session.epoch === begun) tabs.tell({ type: 'login', token })
    return response
  }

  async function logout(): Promise<void> {
    untold = { token: session.token ?? untold.token, refreshToken: untold.refreshToken }
    try {
      session.end('logout')
    } finally {
      tabs.tell({ type: 'logout' })
      // A login that is on its way would leave a session behind.
      await loggingIn
      await takeLeave()
    }
  }

  /** Also where the storage fails: the access token names the session as well. */
  async function takeLeave(): Promise<void> {
    let failure: unknown
    const refreshToken = await kept?.take().catch((error) => {
      failure = error
    })
    untold = { token: untold.token, refreshToken: refreshToken ?? untold.refreshToken }
    await leave(untold)
    untold = NOTHING
    if (failure) throw failure
  }

  /** Ends a session at the server. */
  function leave({ token, refreshToken }: Readonly<Tokens>): Promise<void> {
    const body = refreshToken === null ? undefined : { refresh_token: refreshToken }
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const { epoch } = session
    return new Retry(environment).untilDone(async () => {
      // The login of another tab has replaced it, and its cookie would go along.
      return !kept && session.epoch !== epoch ? { done: true } : tellOfLogout(body, headers)
    })
  }

  async function tellOfLogout(body: object | undefined, headers: Record<string, string>): Promise<Tried> {
    try {
      // An application may leave the page as soon as it hears that its session is over.
      const { status, retryAfterMs } = await server.ask('/logout', body, { headers, keepalive: true })
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
      origins: new Set([baseUrl, ...origins].map((origin) => new URL(origin).origin)),
      open: new Set(['/login', '/refresh', '/logout'].map((route) => routes + route))
    }),
    login(body, path) {
      const answer = login(body, path)
      loggingIn = answer.catch(() => {})
      return answer
    },
    logout() {
      const left = logout()
      leaving = left.catch(() => {})
      return left
    },
    getAccessToken: ({ minValidity = 0 } = {}) => usableToken({ session, refresher }, 1, minValidity * 1000),
    close: () => tabs.close()
  }
}

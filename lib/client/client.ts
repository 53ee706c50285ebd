import type { IssuedToken } from './access-token.js'
import { createAuthenticatedFetch, findUsableToken } from './authenticated-fetch.js'
import { createLoginAndLogout, type LoginAndLogout } from './login-and-logout.js'
import type { AuthFetchOptions } from './options.js'
import { createPostToRoute, type PostToRoute } from './post-to-route.js'
import { createRefresh, type Refresh } from './refresh.js'
import { createRetry } from './retry.js'
import type { Runtime } from './runtime.js'
import { createSessionState, type SessionState } from './session-state.js'
import type { TabMessage } from './tab-messages.js'
import { createTabSync, type TabSync } from './tab-sync.js'
import { cookieTransport } from './transport/cookie-transport.js'
import type { Transport } from './transport/transport.js'
import type { AuthFetch } from './types.js'

/** A client, and its parts for additional methods. A tuple, because a bundle would contain the names of an object. */
export type Client = [
  auth: AuthFetch,
  session: SessionState,
  tabs: TabSync,
  transport: Transport,
  refresh: Refresh,
  post: PostToRoute,
  routesUrl: string,
  logins: LoginAndLogout,
  usableToken: (minValiditySeconds?: number) => Promise<IssuedToken | null>
]

/** Creates the client for a given runtime. */
export function createClient(
  runtime: Runtime,
  {
    baseUrl: base,
    prefix = '/auth',
    origins = [],
    transport: createTransport = cookieTransport,
    key = (create) => create,
    headers,
    accessTokenHeader = 'authorization',
    channel,
    onSessionEnd = () => {}
  }: AuthFetchOptions
): Client {
  // Otherwise it would become a part of the host, and another server would receive the password.
  if (prefix && prefix[0] !== '/') throw new TypeError('prefix must start with "/"')
  const baseUrl = new URL(base)
  const routesUrl = baseUrl.origin + baseUrl.pathname.replace(/\/$/, '') + prefix
  const publicUrls = ['/login', '/refresh', '/logout'].map((route) => routesUrl + route)
  const [loginUrl, refreshUrl, logoutUrl] = publicUrls as [string, string, string]
  const tokenOrigins = [baseUrl, ...origins].map((origin) => new URL(origin).origin)

  // Not called by the session itself, so that an error of the application cannot stop the client.
  const session = createSessionState(runtime, (reason) => queueMicrotask(() => onSessionEnd(reason)))
  const post = createPostToRoute(runtime, accessTokenHeader.toLowerCase(), headers)
  const transport = key(createTransport)(runtime, post, session)
  // A storage without a name belongs to this client only.
  const isShared = channel !== false && transport.name !== undefined
  const tabs = createTabSync(
    runtime,
    isShared ? (channel ?? `fastify-refresh-token ${routesUrl} ${transport.name}`) : undefined,
    onMessage
  )
  const refresh = createRefresh(session, tabs, createRetry(runtime), (signal) =>
    transport.refresh(refreshUrl, signal)
  )
  const logins = createLoginAndLogout(runtime, session, tabs, transport, logoutUrl)
  const usableToken = (minValiditySeconds = 0) =>
    findUsableToken(session, refresh, 1, minValiditySeconds * 1000)

  function onMessage(message: TabMessage): void {
    if (message.type === 'logout') session.end('logout')
    // A suspended tab reads old messages after its own refresh. An adopted token expires with the current one, except for
    // the rounding of its lifetime to seconds. `NaN` without a token.
    else if (
      message.type === 'login' ||
      !((session.token?.expiresAt as number) - 2000 > message.token.expiresAt)
    )
      session.setToken(message.token, message.type === 'login')
  }

  const auth: AuthFetch = {
    fetch: createAuthenticatedFetch(
      runtime,
      session,
      refresh,
      baseUrl,
      accessTokenHeader,
      ({ origin, pathname }) => tokenOrigins.includes(origin) && !publicUrls.includes(origin + pathname)
    ),
    login: (body, { path = loginUrl, signal } = {}) =>
      logins.logIn(new URL(path, baseUrl).href, body, signal),
    logout: logins.logOut,
    getAccessToken: async ({ minValidity } = {}) => (await usableToken(minValidity))?.value ?? null,
    close: tabs.close
  }
  return [auth, session, tabs, transport, refresh, post, routesUrl, logins, usableToken]
}

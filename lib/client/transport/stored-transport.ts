import type { ApiResponse, PostOptions } from '../post-to-route.js'
import type { RefreshTokenStorage, StorageOptions } from '../types.js'
import { TokenStorage } from './token-storage.js'
import type { CreateTransport } from './transport.js'

/** Where requests and responses contain the refresh token. */
interface TokenPlace {
  attach(refreshToken: string): PostOptions
  read(answer: ApiResponse): string | null | undefined
}

/** Creates a transport that stores the refresh token of each response. */
export function createStoredTransport(
  store: RefreshTokenStorage,
  options: StorageOptions,
  { attach, read }: TokenPlace
): CreateTransport {
  return (runtime, post, session) => {
    const storage = new TokenStorage(runtime, store, options)
    /** The token of a logout that the server has not confirmed. The next logout sends it again. */
    let unconfirmed: string | null = null

    return {
      name: store.name,
      async refresh(url, signal) {
        const refreshToken = await storage.get()
        if (refreshToken === null) {
          if (storage.isBroken()) session.fail('FRT_ERR_CLIENT_STORAGE')
          else session.end('FRT_ERR_NO_REFRESH_TOKEN')
          return undefined
        }
        const answer = await post(url, { credentials: 'omit', ...attach(refreshToken), signal })
        // Stored before the access token is used, because its use confirms to the server that the client holds both.
        const next = answer.token ? read(answer) : answer.isSessionEnd ? null : undefined
        const isCurrent = await storage.replace(refreshToken, next)
        // Another tab has logged in meanwhile and stored a token that may be valid.
        return answer.isSessionEnd && !isCurrent ? { ...answer, canRetry: true, retryAfterMs: 0 } : answer
      },
      async logIn(url, body, signal) {
        const answer = await post(url, { credentials: 'omit', body, signal })
        if (!answer.token) return answer
        // Removed first, because the token of the previous user must not outlive this login.
        await storage.take()
        const refreshToken = read(answer)
        if (refreshToken) await storage.set(refreshToken)
        else answer.isMismatch = true
        return answer
      },
      async logOut(url, accessToken, isRetry) {
        // Taken once, because a retry must not take the token of a login that came meanwhile.
        if (!isRetry) unconfirmed = (await storage.take()) ?? unconfirmed
        const token = unconfirmed === null ? {} : attach(unconfirmed)
        const answer = await post(url, { credentials: 'omit', ...token, accessToken, keepalive: true })
        if (answer.response.ok && answer.body) unconfirmed = null
        return answer
      },
      recover: () => storage.recover()
    }
  }
}

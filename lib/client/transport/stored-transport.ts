import type { PostOptions, PostResult } from '../post-to-route.js'
import type { RefreshTokenStorage, StorageOptions } from '../types.js'
import { TokenStorage } from './token-storage.js'
import type { CreateTransport } from './transport.js'

/** Where requests and responses contain the refresh token. */
interface TokenPlace {
  attach(refreshToken: string): PostOptions
  read(result: PostResult): string | undefined
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
        const result = await post(url, { credentials: 'omit', ...attach(refreshToken), signal })
        // Stored before the access token is used, because its use confirms to the server that the client holds both.
        const next = result.token ? read(result) : result.isSessionEnd ? null : undefined
        const isCurrent = await storage.replace(refreshToken, next)
        if (isCurrent || !(result.token || result.isSessionEnd)) return result
        // Another tab has logged in meanwhile and stored its token. The next attempt sends it.
        return { canRetry: true, retryAfterMs: 0, error: result.error }
      },
      async logIn(url, body, signal) {
        const result = await post(url, { credentials: 'omit', body, signal })
        if (!result.token) return result
        // Removed first, because the token of the previous user must not outlive this login.
        await storage.take()
        const refreshToken = read(result)
        if (!refreshToken) return { ...result, isMismatch: true }
        await storage.set(refreshToken)
        return result
      },
      async logOut(url, accessToken, isRetry, isReplaced) {
        // Taken once, because a retry must not take the token of a login that came meanwhile.
        if (!isRetry && !isReplaced) unconfirmed = (await storage.take()) ?? unconfirmed
        const token = unconfirmed === null ? {} : attach(unconfirmed)
        const result = await post(url, { credentials: 'omit', ...token, accessToken, keepalive: true })
        if (result.isOk) unconfirmed = null
        return result
      },
      recover: () => storage.recover()
    }
  }
}

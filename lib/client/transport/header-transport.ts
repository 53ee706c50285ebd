import type { RefreshTokenStorage, StorageOptions } from '../types.js'
import { createStoredTransport } from './stored-transport.js'
import type { CreateTransport } from './transport.js'

export interface HeaderTransportOptions extends StorageOptions {
  /**
   * `header.refreshToken` of the server.
   * @default 'x-refresh-token'
   */
  refreshTokenHeader?: string | undefined
}

/** Sends the refresh token in a header and stores it. For a server with the transport `'header'`. */
export function headerTransport(
  storage: RefreshTokenStorage,
  { refreshTokenHeader = 'x-refresh-token', ...options }: HeaderTransportOptions = {}
): CreateTransport {
  return createStoredTransport(storage, options, {
    attach: (refreshToken) => ({ headers: { [refreshTokenHeader.toLowerCase()]: refreshToken } }),
    // `undefined` keeps the stored token, because a proxy may have removed the header.
    read: ({ response }) => response?.headers.get(refreshTokenHeader) ?? undefined
  })
}

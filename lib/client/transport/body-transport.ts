import type { RefreshTokenStorage, StorageOptions } from '../types.js'
import { createStoredTransport } from './stored-transport.js'
import type { CreateTransport } from './transport.js'

/** Sends the refresh token in the body and stores it. For a server with the transport `'body'`. */
export function bodyTransport(storage: RefreshTokenStorage, options: StorageOptions = {}): CreateTransport {
  return createStoredTransport(storage, options, {
    attach: (refreshToken) => ({ body: { refresh_token: refreshToken } }),
    read: ({ body }) => body?.refresh_token as string | undefined
  })
}

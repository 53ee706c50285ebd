import * as crypto from 'node:crypto'

/**
 * Returns a function for SHA-256 in base64url.
 * @param hash `crypto.hash`, which Node.js has from 20.12 on. It creates no object that must be collected, and costs half
 */
export function createSha256(hash: typeof crypto.hash | undefined): (data: string | Buffer) => string {
  if (hash) return (data) => hash('sha256', data, 'base64url')
  return (data) => crypto.createHash('sha256').update(data).digest('base64url')
}

export const sha256 = createSha256(crypto.hash)

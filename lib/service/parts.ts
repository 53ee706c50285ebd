import { Background } from '../background.js'
import { Confirmations } from '../confirmations.js'
import type { ResolvedOptions } from '../options/resolve.js'
import { RevokedSessions } from '../revocation/revoked-sessions.js'
import { Revoker } from '../revocation/revoker.js'
import type { SessionStore } from '../store/session-store.js'
import { StoreCalls } from '../store-calls.js'
import type { AccessTokens } from '../tokens/access-token.js'
import type { RefreshTokenCodec } from '../tokens/refresh-token.js'

/** What the service works with. */
export interface Parts {
  options: ResolvedOptions
  calls: StoreCalls
  background: Background
  revoker: Revoker
  confirmations: Confirmations
  refreshTokens: RefreshTokenCodec
  accessTokens: AccessTokens
}

export function createParts({
  options,
  store,
  ...tokens
}: Pick<Parts, 'options' | 'refreshTokens' | 'accessTokens'> & { store: SessionStore }): Parts {
  const calls = new StoreCalls(store, options.storeTimeoutMs)
  const background = new Background()
  const revoked = new RevokedSessions(options.accessToken.ttlMs)
  return {
    options,
    calls,
    background,
    revoker: new Revoker(calls, background, revoked, options.session.ttlMs),
    confirmations: new Confirmations(calls, background, options.accessToken.ttlMs),
    ...tokens
  }
}

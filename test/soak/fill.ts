import Fastify, { type FastifyInstance } from 'fastify'
import { createAccessTokens } from '../../lib/tokens/access-token.js'
import { secretKeys } from '../../lib/tokens/keys/access-token-keys.js'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createFamily, sidOf } from '../../lib/tokens/session-id.js'

/** The size of the largest cache: the confirmed generations of lib/sessions/store-access/confirmations.ts. */
const ENTRIES = 50_000
const BATCH = 500

/**
 * Fills the caches that are limited by number and not by time. They would grow for an hour otherwise, so that growth
 * would not indicate a leak. Uses access tokens of sessions that do not exist, which the plugin verifies like others.
 */
export async function fillCaches(app: FastifyInstance, secret: string): Promise<void> {
  const signing = Fastify()
  const ttlMs = 60_000
  const tokens = await createAccessTokens(signing, secretKeys(deriveKeys([Buffer.from(secret)], 'frt:')), {
    accessToken: { ttlMs, issuer: undefined, audience: undefined, clockToleranceMs: 0, jitterMs: 0 }
  })
  for (let i = 0; i < ENTRIES; i += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, (_, j) => {
        const sub = `filler-${i + j}`
        const nowMs = Date.now()
        const at = new Date(nowMs)
        const session = {
          ...{ sid: sidOf(createFamily(sub)), sub, gen: 2, remember: true, claims: {}, metadata: {} },
          ...{
            createdAt: at,
            lastUsedAt: at,
            expiresAt: new Date(nowMs + ttlMs),
            absoluteExpiresAt: new Date(nowMs + ttlMs),
            jkt: null,
            name: null,
            authenticatedAt: at,
            acr: null,
            amr: []
          }
        }
        return app.sessions.verify(tokens.sign(session, { roles: ['reader'] }, nowMs).token)
      })
    )
    // Verification sends confirmations in the background. Waiting for a store call limits how many are queued.
    await app.sessions.list('nobody')
  }
  await signing.close()
}

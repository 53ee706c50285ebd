import Fastify, { type FastifyInstance } from 'fastify'
import { createAccessTokens } from '../../lib/tokens/access-token.js'
import { secretKeys } from '../../lib/tokens/keys/access-token-keys.js'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createFamily, sidOf } from '../../lib/tokens/session-id.js'

/** As many as the largest of them takes: the generations that a process has confirmed (lib/sessions/store-access/confirmations.ts). */
const ENTRIES = 50_000
const AT_ONCE = 500

/**
 * Fills what is bounded by a number and not by time, and would go on filling for an hour: what grows after
 * this is a leak. By access tokens of sessions that never were, which no answer tells from others.
 */
export async function fillCaches(app: FastifyInstance, secret: string): Promise<void> {
  const signing = Fastify()
  const ttlMs = 60_000
  const tokens = await createAccessTokens(signing, secretKeys(deriveKeys([Buffer.from(secret)], 'frt:')), {
    accessToken: { ttlMs, issuer: undefined, audience: undefined }
  })
  for (let i = 0; i < ENTRIES; i += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, j) => {
        const sub = `filler-${i + j}`
        const nowMs = Date.now()
        const at = new Date(nowMs)
        const session = {
          ...{ sid: sidOf(createFamily(sub)), sub, gen: 2, remember: true, claims: {}, metadata: {} },
          ...{
            createdAt: at,
            lastUsedAt: at,
            expiresAt: new Date(nowMs + ttlMs),
            absoluteExpiresAt: new Date(nowMs + ttlMs)
          }
        }
        return app.sessions.verify(tokens.sign(session, { roles: ['reader'] }, nowMs).token)
      })
    )
    // What was verified is confirmed in the store, for which nobody waits: not all of it at once.
    await app.sessions.list('nobody')
  }
  await signing.close()
}

import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Session, SessionChange, SessionStore } from '../../../lib/index.js'
import { newSession } from '../../../lib/testing/conformance/test-client.js'
import { groupByUser } from '../../../lib/tokens/session-id.js'
import type { RefreshOutcome } from '../../../types/session-store.js'
import { effort } from '../../support/effort.js'
import { startRedis } from '../../support/redis-server.js'
import { openMemoryStore, openRedisStore } from '../../support/stores.js'

/** The number of sequences. A nightly run sets more. A failure prints its seed and a shortened sequence. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? effort(60, 150))

const SECOND_MS = 1000
const GRACE_MS = 30 * SECOND_MS
const DAY_MS = 24 * 3600 * SECOND_MS
const PROOF = {
  // No sum of the waits is near this time, because Redis expires keys by its own clock.
  rememberMs: 13.75 * GRACE_MS,
  // A silent client is replayed after 10 grace periods.
  accessTtlMs: 7 * GRACE_MS
}
const USERS = ['ada', 'grace']

/** A refresh token, as far as the store sees it. */
interface Token {
  sid: string
  gen: number
  issuedUs: number
}

/** One action of a sequence. Its numbers select from the tokens and users that exist at that time. */
const steps = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      action: fc.constant('login' as const),
      user: fc.nat(1),
      limit: fc.integer({ min: 1, max: 4 }),
      evicts: fc.constantFrom(true, true, true, false),
      acr: fc.constantFrom(undefined, 'pwd')
    })
  },
  {
    weight: 10,
    arbitrary: fc.record({
      action: fc.constant('refresh' as const),
      token: fc.nat({ max: 9 }),
      /** Generations ahead of the issued token, as after a store lost writes. */
      ahead: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 2),
      graceMs: fc.constantFrom(GRACE_MS, GRACE_MS, GRACE_MS, 0),
      untilConfirmed: fc.constantFrom(true, true, true, false),
      rollback: fc.constantFrom('accept-one' as const, 'accept' as const),
      reportReplayable: fc.constantFrom(false, false, false, true),
      isRepeated: fc.constantFrom(false, false, true),
      /** Small numbers select a proof that another call may have used. */
      proof: fc.option(fc.nat({ max: 30 }), { nil: undefined })
    })
  },
  { weight: 4, arbitrary: fc.record({ action: fc.constant('confirm' as const), token: fc.nat({ max: 9 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      action: fc.constant('update' as const),
      token: fc.nat({ max: 9 }),
      change: fc.record(
        {
          claims: fc.constantFrom({}, { roles: [] }, { roles: ['a\nb', 'ü'.repeat(50)] }),
          name: fc.constantFrom(null, 'x', 'phone'.repeat(12), '"\\ 1'),
          authentication: fc.constantFrom(
            {},
            { acr: 'otp' },
            { acr: '1 {}'.slice(0, 1), amr: ['pwd', 'otp'] }
          )
        },
        { requiredKeys: [] }
      )
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      action: fc.constant('wait' as const),
      ms: fc.constantFrom(
        0,
        1,
        GRACE_MS / 2,
        GRACE_MS - 1,
        ...[1, 2].map((graces) => graces * GRACE_MS),
        3 * GRACE_MS - 1,
        ...[3, 10].map((graces) => graces * GRACE_MS)
      )
    })
  },
  { weight: 1, arbitrary: fc.record({ action: fc.constant('revoke' as const), token: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constant('revoke-all' as const), user: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constant('list' as const), user: fc.nat(1) }) }
)

type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never

function partsOf({ expiresAt: _, absoluteExpiresAt: __, ...session }: Session): object {
  return session
}

/** Omits the lifetimes: Redis also uses its own clock for them, which the test does not control. */
function decisionOf(outcome: RefreshOutcome): object {
  const { session, ...fields } = { session: undefined, ...outcome }
  return { ...fields, gen: session?.gen, metadata: session?.metadata }
}

t.test('MemoryStore and RedisStore return the same results for random sequences of calls', async (t) => {
  const redis = (await startRedis(t)).client()

  async function runSteps(sequence: Step[]): Promise<void> {
    const stores = [openMemoryStore(), openRedisStore(redis)] as const
    const tokens: Token[] = []
    let calls = 0

    /** Calls both stores and returns their common result. */
    const callBoth = async <T>(call: (store: SessionStore) => Promise<T>): Promise<T> => {
      const [fromMemory, fromRedis] = [await call(stores[0].store), await call(stores[1].store)]
      deepStrictEqual(fromMemory, fromRedis)
      return fromMemory
    }

    for (const step of sequence) {
      const idempotencyKey = `${++calls}`.padStart(8, '0')
      // The generator prefers small numbers. They select the newest tokens, which reach the most rows of the rule.
      const token = 'token' in step ? tokens.at(-1 - (step.token % Math.max(1, tokens.length))) : undefined
      switch (step.action) {
        case 'login': {
          const { user, limit, evicts, acr } = step
          const session = newSession({
            sub: USERS[user] as string,
            maxPerUser: limit,
            evicts,
            authentication: { acr }
          })
          await callBoth(async (store) => {
            const created = await store.create(session)
            if (created.outcome === 'limit-reached') return created.sessions.map(partsOf)
            return created.outcome === 'created' ? created.evicted.map(partsOf) : created
          })
          tokens.push({ sid: session.sid, gen: 1, issuedUs: 0 })
          // Two logins in the same microsecond have no defined order.
          for (const opened of stores) await opened.advance(1)
          break
        }
        case 'refresh': {
          if (!token) break
          const gen = token.gen + step.ahead
          const { graceMs, untilConfirmed, rollback, reportReplayable } = step
          const proof = step.proof === undefined ? undefined : { id: `proof ${step.proof}`, ...PROOF }
          const refresh = {
            ...{ ...token, gen, graceMs, untilConfirmed, rollback, reportReplayable, proof },
            ...{ idleMs: 14 * DAY_MS, requestMetadata: { idempotencyKey }, idempotencyKey }
          }
          const refreshBoth = () => callBoth(async (store) => decisionOf(await store.rotate(refresh)))
          const outcome = (await refreshBoth()) as Partial<Token>
          if (step.isRepeated) await refreshBoth()
          if (outcome.issuedUs !== undefined && outcome.gen !== undefined) {
            tokens.push({ sid: token.sid, gen: outcome.gen, issuedUs: outcome.issuedUs })
          }
          break
        }
        case 'confirm':
          if (token) await callBoth((store) => store.confirm(token.sid, token.gen))
          break
        case 'update':
          if (token) {
            await callBoth(async (store) => {
              const session = await store.update(token.sid, step.change as SessionChange)
              return session && partsOf(session)
            })
          }
          break
        case 'wait':
          for (const opened of stores) await opened.advance(step.ms)
          break
        case 'revoke': {
          // Up to three sessions of one user.
          const sids = tokens.slice(-3 - step.token).map(({ sid }) => sid)
          const [ofOneUser = []] = groupByUser([...new Set(sids)].slice(0, 3))
          await callBoth(async (store) => {
            const revoked = await store.revoke(ofOneUser, 'logout', idempotencyKey)
            return revoked.map(({ sid, gen }) => [sid, gen])
          })
          break
        }
        case 'revoke-all': {
          const sub = USERS[step.user] as string
          await callBoth(async (store) => {
            const createdUntilMs = await store.now(sub)
            const revoked = await store.revokeAll(sub, 'revoked', idempotencyKey, { createdUntilMs })
            return revoked.map(({ sid }) => sid).sort()
          })
          break
        }
        case 'list':
          await callBoth(async (store) => {
            const sessions = await store.list(USERS[step.user] as string)
            return sessions.map(partsOf)
          })
          break
      }
    }
  }

  await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 60 }), runSteps), {
    numRuns: RUNS
  })
  t.pass(`${RUNS} sequences`)
})

import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { SessionStore } from '../../../lib/index.js'
import { newSession } from '../../../lib/testing/conformance/test-client.js'
import type { RefreshOutcome } from '../../../types/session-store.js'
import { effort } from '../../support/effort.js'
import { startRedis } from '../../support/redis-server.js'
import { openMemoryStore, openRedisStore } from '../../support/stores.js'

/** How many sequences are tried: a nightly run may ask for more. A failure prints its seed, and shrinks. */
const RUNS = Number(process.env.PROPERTY_RUNS ?? effort(60, 150))

const SECOND = 1000
const W = 30 * SECOND
const DAY = 24 * 3600 * SECOND
const USERS = ['ada', 'grace']

/** A token that was issued, or could be: presented by whoever has it. */
interface Token {
  sid: string
  gen: number
  issuedUs: number
}

/** What happens next. Numbers pick from what there is by then. */
const step = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('login' as const),
      user: fc.nat(1),
      limit: fc.integer({ min: 1, max: 4 })
    })
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('refresh' as const),
      token: fc.nat({ max: 9 }),
      /** Ahead of what was issued: a store that lost writes. */
      ahead: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 2),
      graceMs: fc.constantFrom(W, W, W, 0),
      untilConfirmed: fc.constantFrom(true, true, true, false),
      rollback: fc.constantFrom('accept-one' as const, 'accept' as const),
      reportReplayable: fc.constantFrom(false, false, false, true),
      twice: fc.constantFrom(false, false, true)
    })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('confirm' as const), token: fc.nat({ max: 9 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(0, 1, W / 2, W - 1, W, 2 * W, 3 * W - 1, 3 * W, 10 * W)
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), token: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end all' as const), user: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('list' as const), user: fc.nat(1) }) }
)

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What an outcome decides; lifetimes are told by two clocks, of which a test moves one. */
function essence(outcome: RefreshOutcome): object {
  const { session, ...rest } = { session: undefined, ...outcome }
  return { ...rest, gen: session?.gen, metadata: session?.metadata }
}

t.test('the two stores answer the same, whatever happens to them', async (t) => {
  const redis = (await startRedis(t)).client()

  async function goThrough(steps: Step[]): Promise<void> {
    const both = [openMemoryStore(), openRedisStore(redis)] as const
    const tokens: Token[] = []
    let operations = 0

    /** Asks both the same, and gives what they agree on. */
    const ask = async <T>(question: (store: SessionStore) => Promise<T>): Promise<T> => {
      const [memory, other] = [await question(both[0].store), await question(both[1].store)]
      deepStrictEqual(memory, other)
      return memory
    }

    for (const step of steps) {
      const operation = `${++operations}`.padStart(8, '0')
      // The generator prefers small numbers: they mean the newest, which are worth the most.
      const token = 'token' in step ? tokens.at(-1 - (step.token % Math.max(1, tokens.length))) : undefined
      switch (step.do) {
        case 'login': {
          const session = newSession({ sub: USERS[step.user] as string, maxPerUser: step.limit })
          await ask(async (store) => {
            const created = await store.create(session)
            return created.outcome === 'created' ? created.evicted.map(({ sid, gen }) => [sid, gen]) : created
          })
          tokens.push({ sid: session.sid, gen: 1, issuedUs: 0 })
          // Two logins of one microsecond have no order.
          for (const under of both) await under.advance(1)
          break
        }
        case 'refresh': {
          if (!token) break
          const gen = token.gen + step.ahead
          const { graceMs, untilConfirmed, rollback, reportReplayable } = step
          const refresh = {
            ...{ ...token, gen, graceMs, untilConfirmed, rollback, reportReplayable },
            ...{ idleMs: 14 * DAY, requestMetadata: { operation }, idempotencyKey: operation }
          }
          const once = () => ask(async (store) => essence(await store.rotate(refresh)))
          const outcome = (await once()) as Partial<Token>
          if (step.twice) await once()
          if (outcome.issuedUs !== undefined && outcome.gen !== undefined) {
            tokens.push({ sid: token.sid, gen: outcome.gen, issuedUs: outcome.issuedUs })
          }
          break
        }
        case 'confirm':
          if (token) await ask((store) => store.confirm(token.sid, token.gen))
          break
        case 'pass':
          for (const under of both) await under.advance(step.ms)
          break
        case 'end': {
          if (token) await ask(async (store) => (await store.revoke(token.sid, 'logout', operation))?.gen)
          break
        }
        case 'end all': {
          const sub = USERS[step.user] as string
          await ask(async (store) => {
            const createdUntilMs = await store.now(sub)
            const ended = await store.revokeAll(sub, 'revoked', operation, { createdUntilMs })
            return ended.map(({ sid }) => sid).sort()
          })
          break
        }
        case 'list':
          await ask(async (store) => {
            const sessions = await store.list(USERS[step.user] as string)
            return sessions.map(({ sid, gen, lastUsedAt, metadata }) => ({ sid, gen, lastUsedAt, metadata }))
          })
          break
      }
    }
  }

  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), goThrough), {
    numRuns: RUNS
  })
  t.pass(`${RUNS} sequences`)
})

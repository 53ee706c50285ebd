import { parseArgs } from 'node:util'
import { CORES, pin } from './harness/cpus.mjs'
import { describeEnvironment } from './harness/environment.mjs'
import { startRedis } from './harness/redis.mjs'
import { createVerdicts } from './harness/verdicts.mjs'
import { guard, guardWithNewTokens } from './parts/guard.mjs'
import { logins } from './parts/login.mjs'
import { memory } from './parts/memory.mjs'
import { refreshes } from './parts/refresh.mjs'
import { scale } from './parts/scale.mjs'
import { FULL, GUARD, GUARD_NEW, LOGIN, MEMORY, REFRESH, SCALE, SHORT } from './plan.mjs'

const { values: args } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    /** A part of the names of the contestants to run: for working on one of them. */
    contestants: { type: 'string', default: '' },
    /** A folder for the CPU profiles of the servers. */
    profile: { type: 'string' }
  }
})

/** Whatever hangs, a run ends. */
const LIMIT_MS = 15 * 60 * 1000

const parts = {
  guard: [
    (context) => guard(narrowed(GUARD), context),
    (context) => guardWithNewTokens(narrowed(GUARD_NEW), context)
  ],
  refresh: [(context) => refreshes(narrowed(REFRESH), context)],
  login: [(context) => logins(narrowed(LOGIN), context)],
  memory: [(context) => memory(MEMORY, context)],
  scale: [(context) => scale(SCALE, context)]
}

const names = args.only ? args.only.split(',') : Object.keys(parts)
for (const name of names) {
  if (!Object.hasOwn(parts, name)) throw new Error(`--only takes ${Object.keys(parts).join(', ')}`)
}

process.env.NODE_ENV = 'production'
setTimeout(() => fail('it takes too long'), LIMIT_MS).unref()
pin(process.pid, CORES.generator)

const { sizes = 1, ...timing } = args.short ? SHORT : FULL
const verdicts = createVerdicts()
const startedAt = performance.now()
for (const [at, name] of names.entries()) {
  // Each part in a Redis of its own: what one leaves behind is no burden to the next.
  const redis = await startRedis()
  if (at === 0) console.log(`${(await describeEnvironment(redis)).join('; ')}.`)
  const context = {
    redis,
    verdicts,
    timing: { ...timing, profileTo: args.profile },
    sized: (count) => Math.max(1, Math.round(count * sizes))
  }
  for (const run of parts[name]) await run(context)
  await redis.stop()
}
if (args.short) console.log('\nEverything runs, and every answer was right. The figures mean nothing.')
else verdicts.print()
console.log(
  `\n${timing.starts} times ${timing.rounds} rounds, in ${Math.round((performance.now() - startedAt) / 1000)} seconds.`
)
process.exit()

function fail(reason) {
  console.error(reason)
  process.exit(1)
}

function narrowed(plan) {
  const wanted = args.contestants.split('|')
  return {
    ...plan,
    contestants: plan.contestants.filter(({ name }) => wanted.some((part) => name.includes(part)))
  }
}

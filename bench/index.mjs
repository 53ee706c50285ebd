import { parseArgs } from 'node:util'
import { CORES, pin } from './harness/cpus.mjs'
import { describeEnvironment } from './harness/environment.mjs'
import { startRedis } from './harness/redis.mjs'
import { createTargetReport } from './harness/target-report.mjs'
import { guard, guardWithNewTokens } from './parts/guard.mjs'
import { logins } from './parts/login.mjs'
import { memory } from './parts/memory.mjs'
import { refreshes } from './parts/refresh.mjs'
import { scale } from './parts/scale.mjs'
import { sessionsPerUser } from './parts/sessions-per-user.mjs'
import { FULL, GUARD, GUARD_NEW, LOGIN, MEMORY, REFRESH, SCALE, SESSIONS_PER_USER, SHORT } from './plan.mjs'

const { values: args } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    /** Runs only implementations whose names contain one of these words, separated by `|`. */
    implementations: { type: 'string', default: '' },
    /** A folder for the CPU profiles of the servers. */
    profile: { type: 'string' }
  }
})

/** Ends a run that hangs. */
const LIMIT_MS = 15 * 60 * 1000

const parts = {
  guard: [
    (context) => guard(filterImplementations(GUARD), context),
    (context) => guardWithNewTokens(filterImplementations(GUARD_NEW), context)
  ],
  refresh: [(context) => refreshes(filterImplementations(REFRESH), context)],
  login: [(context) => logins(filterImplementations(LOGIN), context)],
  memory: [(context) => memory(MEMORY, context)],
  scale: [(context) => scale(SCALE, context)],
  'sessions-per-user': [(context) => sessionsPerUser(SESSIONS_PER_USER, context)]
}

const names = args.only ? args.only.split(',') : Object.keys(parts)
for (const name of names) {
  if (!Object.hasOwn(parts, name))
    throw new Error(`--only must be one or more of ${Object.keys(parts).join(', ')}`)
}

process.env.NODE_ENV = 'production'
setTimeout(() => fail(`the run did not finish within ${LIMIT_MS / 60_000} minutes`), LIMIT_MS).unref()
pin(process.pid, CORES.generator)

const { sizes = 1, ...timing } = args.short ? SHORT : FULL
const targetReport = createTargetReport()
const startedAt = performance.now()
for (const [at, name] of names.entries()) {
  // Each part has its own Redis, so that the data of one part does not slow down the next.
  const redis = await startRedis()
  if (at === 0) console.log(`${(await describeEnvironment(redis)).join('; ')}.`)
  const context = {
    redis,
    targetReport,
    timing: { ...timing, profileTo: args.profile },
    scaled: (count) => Math.max(1, Math.round(count * sizes))
  }
  for (const run of parts[name]) await run(context)
  await redis.stop()
}
if (args.short) console.log('\nEverything runs, and every response was correct. The figures are meaningless.')
else targetReport.print()
console.log(
  `\n${timing.starts} times ${timing.rounds} rounds in ${Math.round((performance.now() - startedAt) / 1000)} seconds.`
)
process.exit()

function fail(reason) {
  console.error(reason)
  process.exit(1)
}

function filterImplementations(plan) {
  const wanted = args.implementations.split('|')
  return {
    ...plan,
    implementations: plan.implementations.filter(({ name }) => wanted.some((part) => name.includes(part)))
  }
}

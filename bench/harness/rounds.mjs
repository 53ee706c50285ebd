import { logIn } from '../load/clients.mjs'
import { Connection } from '../load/connection.mjs'
import { drive } from '../load/drive.mjs'
import { startServer } from './servers.mjs'
import { median, ratios } from './statistics.mjs'
import { format, printTable, progress } from './table.mjs'

/** Number of connections. Each waits for the response before the next request. */
export const CONNECTIONS = 200

/**
 * Measures the implementations in turn. Each round starts with another implementation, so that other load on the machine
 * affects all of them.
 *
 * After some rounds all servers are restarted. Two processes of one program can differ by a third, because of the code
 * that the compiler generates and the layout of the memory.
 *
 * @param prepare `(implementation, server)` returns one client per connection, for the lifetime of a server
 * @param separate whether each server has its own keys, so that a user who logs in to all of them has one session in each
 * @returns for each implementation `{ implementation, measures, error }`
 */
export async function runRounds(implementations, redis, prepare, timing, { separate = false } = {}) {
  const results = implementations.map((implementation) => ({
    implementation,
    measures: [],
    error: undefined
  }))
  for (let start = 0; start < timing.starts; start++) {
    const runs = await Promise.all(
      results.map(async ({ implementation, measures }, i) => {
        const server = await startServer(implementation, implementation.redis ?? redis, {
          profileTo: timing.profileTo,
          ...(separate && { keyPrefix: `${start}-${i}:` })
        })
        return { implementation, server, measures }
      })
    )
    for (const [i, { server }] of runs.entries()) results[i].error = server.error
    await measureAll(
      runs.filter(({ server }) => !server.error),
      redis,
      prepare,
      timing
    )
    progress(`start ${start + 1} of ${timing.starts}`)
  }
  return results
}

async function measureAll(running, redis, prepare, timing) {
  // One after the other, because all servers share a core.
  for (const run of running) run.clients = await prepare(run.implementation, run.server)

  for (let round = 0; round < timing.rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const run = running[(i + round) % running.length]
      const sample = sampler(run.server, run.implementation.redis ?? redis)
      // In the first round the code is not optimized yet.
      const warmUpMs = round === 0 ? timing.firstWarmUpMs : timing.warmUpMs
      const times = { warmUpMs, measureMs: timing.measureMs }
      const measure = await drive(run.server.port, run.clients, times, sample)
      run.measures.push(toFigures(measure))
      progress(`round ${round + 1}: ${run.implementation.name} ${format.count(measure.rate)}/s`)
    }
  }
  await Promise.all(running.map(({ server }) => server.stop()))
}

function sampler(server, redis) {
  return async () => {
    const [{ cpuMs: server_, commands }, redis_] = await Promise.all([server.sample(), redis.cpuMs()])
    const { user, system } = process.cpuUsage()
    return { server: server_, redis: redis_, generator: (user + system) / 1000, commands }
  }
}

function toFigures({ rate, seconds, before, after, total }) {
  const share = (name) => (after[name] - before[name]) / (seconds * 1000)
  return {
    rate,
    /** CPU time of the server per response. Less noisy than the rate if other programs use the machine. */
    cpuUs: ((after.server - before.server) * 1000) / (after.responses - before.responses),
    server: share('server'),
    generator: share('generator'),
    redis: share('redis'),
    commands: (total.last.commands - total.first.commands) / total.responses
  }
}

/** Logs the users in over HTTP, 20 at a time. */
export async function logInAll(server, transport, users) {
  const sessions = new Array(users.length)
  let next = 0
  async function work() {
    const connection = new Connection(server.port)
    while (next < users.length) {
      const at = next++
      sessions[at] = await logIn(connection, transport, users[at])
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: 20 }, work))
  return sessions
}

/** If the server used less of its core, something else limited the rate. */
const MIN_SERVER_SHARE = 0.9

const SHARES = ['server', 'generator', 'redis']

/** Prints medians, minimum and maximum, and the ratio to each reference, calculated per round. */
export function printRounds(title, runs, references) {
  const columns = ['implementation', 'per second', 'min–max']
  columns.push(
    ...references.flatMap((name) => [`of ${name}`, 'by CPU']),
    'CPU µs',
    'server',
    'generator',
    'Redis',
    'commands'
  )
  const rows = runs.map((run) => [run.implementation.name, ...toCells(run, runs, references)])
  printTable(title, columns, rows)
  const slowed = runs.filter(
    ({ measures }) => measures.length > 0 && medianOf(measures, 'server') < MIN_SERVER_SHARE
  )
  if (slowed.length > 0) {
    const names = slowed.map(({ implementation }) => implementation.name).join('; ')
    console.log(`\nNot reliable, because the server did not fully use its core: ${names}.`)
  }
}

function medianOf(measures, name) {
  return median(measures.map((measure) => measure[name]))
}

function toCells(run, runs, references) {
  if (run.error) return ['not available']
  const rates = run.measures.map(({ rate }) => rate)
  const of = (name) => medianOf(run.measures, name)
  return [
    format.count(median(rates)),
    `${format.count(Math.min(...rates))}–${format.count(Math.max(...rates))}`,
    ...references.flatMap((name) =>
      [ratioOf, cpuRatioOf].map((by) => {
        const ratio = by(runs, run.implementation.name, name)
        return ratio === undefined ? '' : format.ratio(ratio)
      })
    ),
    of('cpuUs').toFixed(1),
    ...SHARES.map((name) => format.percent(of(name))),
    of('commands').toFixed(2)
  ]
}

/** Returns the median of the ratios of all rounds, or `undefined` if one of the two implementations did not run. */
export function ratioOf(runs, name, reference, figure = ({ rate }) => rate) {
  const figuresOf = (wanted) =>
    runs.find(({ implementation }) => implementation.name === wanted)?.measures.map(figure) ?? []
  const own = figuresOf(name)
  const others = figuresOf(reference)
  return own.length > 0 && others.length > 0 ? median(ratios(own, others)) : undefined
}

/** Returns the same ratio for responses per second of CPU time of the server. */
export function cpuRatioOf(runs, name, reference) {
  return ratioOf(runs, name, reference, ({ cpuUs }) => 1 / cpuUs)
}

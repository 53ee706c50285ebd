import { Connection } from '../load/connection.mjs'
import { drive } from '../load/drive.mjs'
import { logIn } from '../load/work.mjs'
import { startServer } from './servers.mjs'
import { median, ratios } from './statistics.mjs'
import { format, printTable, progress } from './table.mjs'

/** As many as a busy server has, and each waits for its answer. */
export const CONNECTIONS = 200

/**
 * Measures contestants in turn, round after round, each round beginning with another: what the machine does
 * beside this touches all of them. After some rounds all servers are started anew, for of two processes with
 * one program one may be a third faster, by what the compiler made of it and where its memory lies.
 *
 * @param prepare `(contestant, server)` gives `works`, what each connection does, for as long as a server runs
 * @returns for each contestant `{ contestant, measures, error }`
 */
export async function runRounds(contestants, redis, prepare, timing) {
  const results = contestants.map((contestant) => ({ contestant, measures: [], error: undefined }))
  for (let start = 0; start < timing.starts; start++) {
    const runs = await Promise.all(
      results.map(async ({ contestant, measures }) => {
        const server = await startServer(contestant, contestant.redis ?? redis, {
          profileTo: timing.profileTo
        })
        return { contestant, server, measures }
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
  // One after the other, for all servers share a core.
  for (const run of running) run.works = await prepare(run.contestant, run.server)

  for (let round = 0; round < timing.rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const run = running[(i + round) % running.length]
      const sample = sampler(run.server, run.contestant.redis ?? redis)
      // In the first round the code itself is cold.
      const warmUpMs = round === 0 ? timing.firstWarmUpMs : timing.warmUpMs
      const times = { warmUpMs, measureMs: timing.measureMs }
      const measure = await drive(run.server.port, run.works, times, sample)
      run.measures.push(toFigures(measure))
      progress(`round ${round + 1}: ${run.contestant.name} ${format.count(measure.rate)}/s`)
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

function toFigures({ rate, seconds, before, after, whole }) {
  const share = (name) => (after[name] - before[name]) / (seconds * 1000)
  return {
    rate,
    /** What an answer costs the server: less noisy than the rate where others use the machine, too. */
    cpuUs: ((after.server - before.server) * 1000) / (after.answers - before.answers),
    server: share('server'),
    generator: share('generator'),
    redis: share('redis'),
    commands: (whole.last.commands - whole.first.commands) / whole.answers
  }
}

/** Logs users in over HTTP, some at a time. */
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

/** A server that had less of its core than that was not what was measured. */
const BUSY = 0.9

const SHARES = ['server', 'generator', 'redis']

/** Medians, spread, and the ratio to each reference, which is taken round by round. */
export function printRounds(title, runs, references) {
  const columns = ['contestant', 'per second', 'min–max']
  columns.push(
    ...references.map((name) => `of ${name}`),
    'CPU µs',
    'server',
    'generator',
    'Redis',
    'commands'
  )
  const rows = runs.map((run) => [run.contestant.name, ...toCells(run, runs, references)])
  printTable(title, columns, rows)
  const starved = runs.filter(({ measures }) => measures.length > 0 && medianOf(measures, 'server') < BUSY)
  if (starved.length > 0) {
    const names = starved.map(({ contestant }) => contestant.name).join('; ')
    console.log(`\nNot to be trusted, for something else had the server's core or kept it waiting: ${names}.`)
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
    ...references.map((name) => {
      const ratio = ratioOf(runs, run.contestant.name, name)
      return ratio === undefined ? '' : format.ratio(ratio)
    }),
    of('cpuUs').toFixed(1),
    ...SHARES.map((name) => format.percent(of(name))),
    of('commands').toFixed(2)
  ]
}

/** The median of the ratios of each round, or undefined where one of the two did not run. */
export function ratioOf(runs, name, reference, figure = ({ rate }) => rate) {
  const figuresOf = (wanted) =>
    runs.find(({ contestant }) => contestant.name === wanted)?.measures.map(figure) ?? []
  const own = figuresOf(name)
  const others = figuresOf(reference)
  return own.length > 0 && others.length > 0 ? median(ratios(own, others)) : undefined
}

/** The same, of answers per second of the server's CPU time. */
export function cpuRatioOf(runs, name, reference) {
  return ratioOf(runs, name, reference, ({ cpuUs }) => 1 / cpuUs)
}

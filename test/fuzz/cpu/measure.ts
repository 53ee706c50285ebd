// Measures the CPU time of requests with long inputs, and prints a JSON array of `Measurement`.
//
// It runs in its own process, because the check of log lines (test/support/watch-logs.ts) and the coverage of a test process
// also take time for each request. CPU time does not include the time in which other processes run.
import { type Input, openInputs } from './inputs.js'
import { LONG_TEXTS } from './texts.js'

/** The most expensive request of an input. */
export interface Measurement {
  input: string
  /** A short request. */
  plainUs: number
  worst: { text: string; us: number }
  requests: number
}

/** A server of Node.js accepts 16 kB of headers, and the routes accept a body of 16 kB. */
const LENGTH = 15_500

const WARM_UP = 100
/** Garbage collection and compilation only add time, so the minimum of this many requests counts. */
const REPETITIONS = 5

const { inputs, close } = await openInputs()
const measurements: Measurement[] = []
for (const input of inputs) measurements.push(await measure(input))
await close()
process.stdout.write(JSON.stringify(measurements))

interface Candidate {
  text: string
  send(): Promise<unknown>
  /** The minimum so far. */
  us: number
  repetitions: number
}

async function measure({
  name,
  around,
  encode = (text) => text,
  length = LENGTH,
  send
}: Input): Promise<Measurement> {
  const short = around.map(([before, after]) => candidate('short', () => send(`${before}x${after}`)))
  for (let i = 0; i < WARM_UP; i++) await short[i % short.length]?.send()
  for (let i = 0; i < REPETITIONS; i++) await repeatEach(short)

  const long = around.flatMap(([before, after]) =>
    LONG_TEXTS.map((text) => {
      const value = before + encode(text.ofLength(length - before.length - after.length)) + after
      return candidate(describe(before, text.name, after), () => send(value))
    })
  )
  await repeatEach(long)
  const { text, us } = await findWorst(long)
  const plainUs = Math.min(...short.map((each) => each.us))
  return { input: name, plainUs, worst: { text, us }, requests: long.length }
}

function candidate(text: string, send: Candidate['send']): Candidate {
  return { text, send, us: Number.POSITIVE_INFINITY, repetitions: 0 }
}

/**
 * Repeats the most expensive request so far, until it stays the most expensive one. One measurement of each other
 * request is enough, because more of them could only lower it.
 */
async function findWorst(candidates: Candidate[]): Promise<Candidate> {
  const worst = candidates.reduce((a, b) => (b.us > a.us ? b : a))
  if (worst.repetitions === REPETITIONS) return worst
  await repeat(worst)
  return findWorst(candidates)
}

async function repeatEach(candidates: Candidate[]): Promise<void> {
  for (const each of candidates) await repeat(each)
}

async function repeat(candidate: Candidate): Promise<void> {
  const before = process.cpuUsage()
  await candidate.send()
  const { user, system } = process.cpuUsage(before)
  candidate.us = Math.min(candidate.us, user + system)
  candidate.repetitions++
}

function describe(before: string, text: string, after: string): string {
  return [quote(before), `${text}, repeated`, quote(after)].filter((part) => part !== '').join(' ')
}

/** Shortens tokens. */
function quote(text: string): string {
  if (text === '') return ''
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 30)}…` : text)
}

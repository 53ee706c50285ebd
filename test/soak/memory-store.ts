// npm run soak:memory-store -- --sessions 1000000
import { parseArgs } from 'node:util'
import { createMany, type Outcome } from './many-sessions.js'

const MB = 1024 * 1024
/** The allowed growth after all sessions have expired: about 8 bytes for each of a million sessions. */
const MAX_LEFT_MB = 8
/** The allowed slowdown. A cost that depends on the number of sessions would grow tenfold. */
const MAX_SLOWDOWN = 3

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '1000000' } } })
const sessions = Number(values.sessions)
if (!(sessions >= 1000)) {
  console.error('--sessions must be at least 1000')
  process.exit(2)
}

let failures = 0
report('all at once', await createMany(sessions, sessions))
report('a hundredth at once', await createMany(sessions, sessions / 100))
process.exitCode = failures === 0 ? 0 : 1

function report(name: string, { tenths, heapBefore, heapAfter, longestCallMs }: Outcome): void {
  console.log(`${sessions} sessions, ${name}\n`)
  console.log(
    '| created | existing | heap, MB | bytes per session | CPU µs per session |\n|'.concat(
      ' ---: |'.repeat(5)
    )
  )
  for (const { created, existing, heapUsed, operationsUs } of tenths) {
    const held = heapUsed - heapBefore
    const cells = [
      created,
      existing,
      (held / MB).toFixed(1),
      (held / existing).toFixed(0),
      operationsUs.toFixed(1)
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  const leftMb = (heapAfter - heapBefore) / MB
  const slowdown = median(tenths.slice(-3)) / median(tenths.slice(1, 4))
  console.log(
    `\nafter all have expired: ${leftMb.toFixed(2)} MB; longest call meanwhile ${longestCallMs.toFixed(1)} ms`
  )
  console.log(`the last three tenths took ${slowdown.toFixed(2)} times as long as the second to the fourth\n`)
  if (leftMb > MAX_LEFT_MB) fail(`more than ${MAX_LEFT_MB} MB are left`)
  if (slowdown > MAX_SLOWDOWN) fail(`more than ${MAX_SLOWDOWN} times as long`)
}

function fail(reason: string): void {
  failures++
  console.error(`FAILED: ${reason}`)
}

function median(tenths: Outcome['tenths']): number {
  const [, middle] = tenths.map(({ operationsUs }) => operationsUs).sort((a, b) => a - b)
  return middle ?? Number.NaN
}

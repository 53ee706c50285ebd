import { spawnSync } from 'node:child_process'
import t from 'tap'
import type { Measurement } from './cpu/measure.js'

/** The CPU time that a request with a long input may take, in short requests. Linear costs take 15 at most. */
const BUDGET = 30

t.test('no request takes much more CPU time than a short one', async (t) => {
  const measurements = measure()
  process.stderr.write(tableOf(measurements))
  for (const { input, plainUs, worst } of measurements) {
    const ratio = worst.us / plainUs
    t.ok(ratio <= BUDGET, `${input}: ${ratio.toFixed(1)} short requests (${worst.text})`)
  }
})

function measure(): Measurement[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import=./scripts/ts-loader.mjs', 'test/fuzz/cpu/measure.ts'],
    { encoding: 'utf8', env: { ...process.env, NODE_V8_COVERAGE: '' } }
  )
  if (status !== 0) throw new Error(`the measurement failed: ${stderr}`)
  return JSON.parse(stdout)
}

function tableOf(measurements: Measurement[]): string {
  const rows = measurements.map(({ input, plainUs, worst, requests }) => [
    input,
    requests,
    worst.text,
    `${worst.us} µs`,
    `${plainUs} µs`,
    (worst.us / plainUs).toFixed(1)
  ])
  const header = ['input', 'requests', 'most expensive', 'CPU time', 'short request', 'ratio']
  const lines = [header, header.map(() => '---'), ...rows]
  return `${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`
}

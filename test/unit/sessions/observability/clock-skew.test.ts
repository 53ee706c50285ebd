import { mock } from 'node:test'
import type { FastifyBaseLogger } from 'fastify'
import t, { type Test } from 'tap'
import { createClockSkewMonitor } from '../../../../lib/sessions/observability/clock-skew.js'

const NOW = Date.UTC(2030, 0, 1)

function setUp(t: Test) {
  mock.timers.enable({ apis: ['Date'], now: NOW })
  t.teardown(() => mock.timers.reset())
  const lines: unknown[] = []
  const write = (level: string) => (fields: object) => lines.push({ level, ...fields })
  const log = { warn: write('warn'), info: write('info') } as unknown as FastifyBaseLogger
  const compare = createClockSkewMonitor(log)
  return { lines, compareAt: (differenceMs: number) => compare(NOW + differenceMs) }
}

const warning = (differenceMs: number) => ({ level: 'warn', event: 'clock_skew', differenceMs })
const recovery = (differenceMs: number) => ({ level: 'info', event: 'clock_skew_recovered', differenceMs })

t.test('logs once that the clocks differ, and once that they agree again', async (t) => {
  const { lines, compareAt } = setUp(t)
  for (const differenceMs of [0, 60_000, -60_000]) compareAt(differenceMs)
  t.same(lines, [])
  for (const differenceMs of [60_001, 300_000, 61_000]) compareAt(differenceMs)
  t.same(lines.splice(0), [warning(60_001)])
  for (const differenceMs of [30_000, 0]) compareAt(differenceMs)
  t.same(lines.splice(0), [recovery(30_000)])
  compareAt(-300_000)
  t.same(lines, [warning(-300_000)])
})

t.test('a difference that varies around a minute is logged once', async (t) => {
  const { lines, compareAt } = setUp(t)
  for (let i = 0; i < 10; i++) {
    compareAt(-60_500)
    compareAt(-59_500)
  }
  t.same(lines, [warning(-60_500)])
})

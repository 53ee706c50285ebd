import Fastify, { type FastifyBaseLogger } from 'fastify'
import type { Test } from 'tap'

/** What an app's logger writes, line by line. */
export function recordingLog(t: Test): { log: FastifyBaseLogger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  return { log: app.log, lines }
}

import Fastify, { type FastifyBaseLogger } from 'fastify'
import type { Test } from 'tap'

/** Creates a logger that records its lines. */
export function recordingLog(t: Test): { log: FastifyBaseLogger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify({ logger: { stream } })
  t.teardown(() => app.close())
  return { log: app.log, lines }
}

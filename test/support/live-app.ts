import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, type Identity } from '../../lib/index.js'
import { SECRET } from './build-app.js'

export interface LiveApp {
  app: FastifyInstance
  /** What was logged, parsed. */
  logs: Record<string, unknown>[]
}

/** An app with one guarded route, by the real clock, which real servers have, too. Whoever says so is logged in. */
export async function startLiveApp(t: Test, options: Partial<FastifyRefreshTokenOptions>): Promise<LiveApp> {
  const logs: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logs.push(JSON.parse(String(chunk)))
      done()
    }
  })
  const app = Fastify({ logger: { level: 'debug', stream } })
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    login: (request) => request.body as Identity,
    ...options
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return { app, logs }
}

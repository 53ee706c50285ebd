import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, type Identity } from '../../lib/index.js'
import { SECRET } from './build-app.js'

export interface LiveApp {
  app: FastifyInstance
  /** The log lines, parsed. */
  logs: Record<string, unknown>[]
}

/** Starts an application with one guarded route on the real clock. A login accepts any identity in the body. */
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

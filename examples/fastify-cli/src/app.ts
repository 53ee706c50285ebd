import { join } from 'node:path'
import autoload from '@fastify/autoload'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'

/** Options of the Fastify instance. `fastify start --options` reads them. */
export const options: FastifyServerOptions = { trustProxy: process.env.TRUST_PROXY === 'true' }

export default async function app(fastify: FastifyInstance, opts: object): Promise<void> {
  await fastify.register(autoload, {
    dir: join(import.meta.dirname, 'plugins'),
    options: opts,
    forceESM: true
  })
  await fastify.register(autoload, {
    dir: join(import.meta.dirname, 'routes'),
    options: opts,
    forceESM: true
  })
}

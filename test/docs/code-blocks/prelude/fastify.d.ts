import type {} from '@fastify/rate-limit'
import type {} from 'fastify'

declare module 'fastify' {
  /** Of `@fastify/session`: what the reader keeps in it. */
  interface Session {
    user?: { id: number; name: string }
  }
}

import type { FastifySchema } from 'fastify'

/** A schema with the properties that `@fastify/swagger` reads. The plugin does not depend on its types. */
export interface RouteSchema extends FastifySchema {
  tags: string[]
  /** Unique in one registration. */
  operationId: string
  summary: string
  description?: string
  security: Record<string, string[]>[]
}

/** All routes of the plugin are in one group of the document. */
export const tags = ['auth']

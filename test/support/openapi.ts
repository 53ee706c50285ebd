import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type FastifyRefreshTokenOptions, fastifyRefreshToken, securitySchemes } from '../../lib/index.js'
import { SECRET } from './build-app.js'

interface Media {
  schema: { properties: Record<string, object>; required?: string[] }
  example?: object
  examples?: Record<string, { value: object }>
}

export interface Operation {
  operationId: string
  summary: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: { in: string; name: string; required?: boolean }[]
  requestBody?: { required: boolean; content: Record<string, Media> }
  responses: Record<
    string,
    { description: string; headers?: Record<string, object>; content: Record<string, Media> }
  >
}

export interface Document {
  components: { securitySchemes: Record<string, object> }
  paths: Record<string, Record<'get' | 'post' | 'delete', Operation>>
}

export interface Described {
  options?: Partial<FastifyRefreshTokenOptions>
  version?: '3.0.3' | '3.1.0'
  /** By default, the schemes of the options. */
  schemes?: Record<string, object>
  swagger?: FastifyDynamicSwaggerOptions
  extend?(app: FastifyInstance): unknown
}

/** Builds an application with `@fastify/swagger` and a document that satisfies a linter. A login accepts any user. */
export async function buildDocumentedApp(
  t: Test,
  { options = {}, version = '3.1.0', schemes = { ...securitySchemes(options) }, ...build }: Described = {}
): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  const openapi = {
    openapi: version,
    info: { title: 'an app', version: '1.0.0', license: { name: 'MIT', url: 'https://license.test' } },
    servers: [{ url: 'https://api.test' }],
    components: { securitySchemes: schemes as ReturnType<typeof securitySchemes> }
  }
  await app.register(swagger, build.swagger ?? { openapi })
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    login: ({ body }) => ({ sub: (body as { username: string }).username }),
    ...options
  })
  await build.extend?.(app)
  await app.ready()
  return app
}

export const documentOf = (app: FastifyInstance) => app.swagger() as unknown as Document

export function operationsOf({ paths }: Document): Record<string, Operation> {
  return Object.fromEntries(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation])
    )
  )
}

const config = await createConfig({ extends: ['recommended-strict'] })

/** Returns the problems that a linter finds in a document. */
export async function lint(document: object): Promise<string[]> {
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: 'openapi.json',
    config
  })
  return problems.map(({ ruleId, message, location: [at] }) => `${at?.pointer} ${ruleId}: ${message}`)
}

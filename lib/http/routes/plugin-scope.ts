import AjvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import fastifyFormbody from '@fastify/formbody'
import type { FastifyError, FastifyInstance, FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify'
import { isDocumentationOnly } from '../openapi/documentation-only.js'

const buildValidator = AjvCompiler()
const buildSerializer = SerializerSelector()

type Schemas = Parameters<typeof buildValidator>[0]

/** Sets Fastify's default compilers, because the application may use others. The plugin's schemas are JSON schemas. */
export function setCompilers(routes: FastifyInstance): void {
  // Read for each route, because the application may add schemas until it is ready. Equal schemas share one compiler.
  const schemas = () => routes.getSchemas() as Schemas
  routes.setValidatorCompiler(
    skipDocumentationOnly((route) => buildValidator(schemas(), { customOptions: {} })(route))
  )
  routes.setSerializerCompiler((route) => {
    if (isDocumentationOnly(route.schema)) return stringify
    const serialize = buildSerializer(schemas(), {}) as FastifySerializerCompiler<unknown>
    return serialize(route)
  })
}

/** Returns a compiler that accepts every value for a schema marked as documentation-only. */
export function skipDocumentationOnly(compile: FastifySchemaCompiler<never>): FastifySchemaCompiler<unknown> {
  return (route) => (isDocumentationOnly(route.schema) ? () => true : compile(route as never))
}

function stringify(payload: unknown): string {
  return JSON.stringify(
    payload instanceof Error ? errorFields(payload as FastifyError & NamedStatus) : payload
  )
}

interface NamedStatus {
  /** The name of the HTTP status. Set by the default error handler of Fastify. */
  error?: string
}

function errorFields({ statusCode, code, error, message }: FastifyError & NamedStatus): object {
  return { statusCode, code, error, message }
}

/**
 * Accepts only JSON and forms, also if the application has other parsers. Rejects `text/plain`, because a page of
 * another site can send it without a preflight request.
 */
export async function addParsers(routes: FastifyInstance): Promise<void> {
  const parseJson = routes.getDefaultJsonParser('error', 'error')
  routes.removeAllContentTypeParsers()
  routes.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Many clients set the header on every request, so a refresh may have an empty body.
    if (body === '') done(null, undefined)
    else parseJson(request, body, done)
  })
  await routes.register(fastifyFormbody)
}

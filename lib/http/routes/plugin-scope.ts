import AjvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import fastifyFormbody from '@fastify/formbody'
import type { FastifyError, FastifyInstance, FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify'
import { isDocumentationOnly } from '../openapi/documentation-only.js'

const buildValidator = AjvCompiler()
const buildSerializer = SerializerSelector()

/** Fastify's own compilers, whatever the app uses: our schemas are JSON schemas. */
export function setCompilers(routes: FastifyInstance): void {
  const schemas = routes.getSchemas() as Parameters<typeof buildValidator>[0]
  const serialize = buildSerializer(schemas, {}) as FastifySerializerCompiler<unknown>
  routes.setValidatorCompiler(skipDocumentationOnly(buildValidator(schemas, { customOptions: {} })))
  routes.setSerializerCompiler((route) => (isDocumentationOnly(route.schema) ? stringify : serialize(route)))
}

/** Judges by every schema but those that only describe. */
export function skipDocumentationOnly(compile: FastifySchemaCompiler<never>): FastifySchemaCompiler<unknown> {
  return (route) => (isDocumentationOnly(route.schema) ? () => true : compile(route as never))
}

function stringify(payload: unknown): string {
  return JSON.stringify(payload instanceof Error ? fieldsOf(payload as FastifyError & Named) : payload)
}

interface Named {
  /** The name of the status, from Fastify's own error handler. */
  error?: string
}

function fieldsOf({ statusCode, code, error, message }: FastifyError & Named): object {
  return { statusCode, code, error, message }
}

/**
 * JSON and forms, whatever the app reads elsewhere. Nothing else: a `text/plain` body is what a page of
 * another site can send without asking first.
 */
export async function addParsers(routes: FastifyInstance): Promise<void> {
  const parseJson = routes.getDefaultJsonParser('error', 'error')
  routes.removeAllContentTypeParsers()
  routes.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Clients set the header on every request: a refresh without a body is a refresh.
    if (body === '') done(null, undefined)
    else parseJson(request, body, done)
  })
  await routes.register(fastifyFormbody)
}

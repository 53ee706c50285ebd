import AjvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import fastifyFormbody from '@fastify/formbody'
import {
  errorCodes,
  type FastifyError,
  type FastifyInstance,
  type FastifyRequest,
  type FastifySchemaCompiler,
  type FastifySerializerCompiler
} from 'fastify'
import { isDocumentationOnly } from '../openapi/documentation-only.js'
import { isForm } from '../transport/form.js'

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
 * Accepts only JSON, forms and empty bodies, also if the application has other parsers. Rejects `text/plain`, because a
 * page of another site can send it without a preflight request.
 */
export async function addParsers(routes: FastifyInstance): Promise<void> {
  const parseJson = routes.getDefaultJsonParser('error', 'error')
  routes.removeAllContentTypeParsers()
  routes.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parseJson(request, body, done)
  })
  // Any other type, or none: a chunked body may turn out to be empty.
  routes.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) done(null, undefined)
    else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE())
  })
  await routes.register(fastifyFormbody)
  routes.addHook('preParsing', (request, _reply, payload, done) => {
    ignoreTypeOfEmptyBody(request)
    done(null, payload)
  })
}

/**
 * Many clients send a type with an empty body, for example `text/plain`, or one that is not even valid. Without a type,
 * Fastify does not parse the body. An empty form stays a form without parameters.
 */
function ignoreTypeOfEmptyBody(request: FastifyRequest): void {
  const {
    'content-length': length,
    'transfer-encoding': encoding,
    'content-type': type
  } = request.raw.headers
  if (length !== '0' || encoding !== undefined || type === undefined || isForm(type)) return
  // Fastify merges these headers with those of the request.
  request.headers = { 'content-type': undefined }
}

import AjvCompiler from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyInstance, FastifySerializerCompiler } from 'fastify'

const buildValidator = AjvCompiler()
const buildSerializer = SerializerSelector()

/** Fastify's own compilers, whatever the app uses: our schemas are JSON schemas. */
export function setCompilers(routes: FastifyInstance): void {
  const schemas = routes.getSchemas() as Parameters<typeof buildValidator>[0]
  routes.setValidatorCompiler(buildValidator(schemas, { customOptions: {} }))
  routes.setSerializerCompiler(buildSerializer(schemas, {}) as FastifySerializerCompiler<unknown>)
}

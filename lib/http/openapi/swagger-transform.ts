import type { FastifySchema } from 'fastify'
import type { SecuritySchemes } from './security-schemes.js'

/** Returns an operation id that is unique in the application, for example `authLogin` for `/auth` and `login`. */
export function operationIdOf(prefix: string, name: string): string {
  const [first = '', ...words] = [...prefix.split(/[^a-z\d]+/i), name].filter((word) => word !== '')
  return first + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** The argument that `@fastify/swagger` passes to a transform. `openapiObject` is missing in Swagger 2.0. */
interface TransformInput {
  schema: FastifySchema
  url: string
  openapiObject?: { components?: { securitySchemes?: object } }
}

/**
 * Creates the transform of the plugin's routes. It replaces the transform of the application, which may expect schemas
 * of another kind, for example Zod schemas. It also adds the security schemes that the application has not declared,
 * because a document with undeclared schemes is invalid. Swagger 2.0 cannot describe these schemes.
 */
export function createTransform(schemes: SecuritySchemes) {
  return ({ schema, url, openapiObject }: TransformInput) => {
    if (!openapiObject) return { schema: { ...schema, security: [] }, url }
    const components = { ...openapiObject.components }
    openapiObject.components = {
      ...components,
      securitySchemes: { ...schemes, ...components.securitySchemes }
    }
    return { schema, url }
  }
}

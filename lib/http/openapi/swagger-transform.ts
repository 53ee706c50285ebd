import type { FastifySchema } from 'fastify'
import type { SecuritySchemes } from './security-schemes.js'

/** Unique in an app, where the route's own name is so in its registration: `/auth` and `login` make `authLogin`. */
export function operationIdOf(prefix: string, name: string): string {
  const [first = '', ...words] = [...prefix.split(/[^a-z\d]+/i), name].filter((word) => word !== '')
  return first + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** What `@fastify/swagger` gives a route's transform: without `openapiObject` for a document of Swagger 2.0. */
interface Described {
  schema: FastifySchema
  url: string
  openapiObject?: { components?: { securitySchemes?: object } }
}

/**
 * The transform of our routes. An app's own would take their schemas for what its other schemas are: Zod's,
 * for example. And a scheme that a route names and nobody has declared breaks the document: what the app
 * has not declared is added. Swagger 2.0 has no words for these schemes.
 */
export function createTransform(schemes: SecuritySchemes) {
  return ({ schema, url, openapiObject }: Described) => {
    if (!openapiObject) return { schema: { ...schema, security: [] }, url }
    const components = { ...openapiObject.components }
    openapiObject.components = {
      ...components,
      securitySchemes: { ...schemes, ...components.securitySchemes }
    }
    return { schema, url }
  }
}

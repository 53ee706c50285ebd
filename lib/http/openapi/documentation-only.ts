const schemas = new WeakSet<object>()

/**
 * Marks a schema that is used only in the OpenAPI document. It does not validate requests, because a refresh token of
 * the wrong type must return 401, not 400. It does not serialize responses, because `login` and the error handler of
 * the application may send other fields.
 */
export function documentationOnly<T extends object>(schema: T): T {
  schemas.add(schema)
  return schema
}

export function isDocumentationOnly(schema: unknown): boolean {
  return schemas.has(Object(schema))
}

const schemas = new WeakSet<object>()

/**
 * Marks a schema as one for the readers of the OpenAPI document alone. What comes is not judged by it: a
 * refresh token of the wrong type is a bad token, not a bad request. Nor is what goes: an app's own `login`
 * and error handler answer what they like.
 */
export function documentationOnly<T extends object>(schema: T): T {
  schemas.add(schema)
  return schema
}

export function isDocumentationOnly(schema: unknown): boolean {
  return schemas.has(Object(schema))
}

const described = new WeakSet<object>()

/**
 * Marks a schema as one for the readers of the OpenAPI document alone. What comes is not judged by it: a
 * refresh token of the wrong type is a bad token, not a bad request. Nor is what goes: an app's own `login`
 * and error handler answer what they like.
 */
export function describes<T extends object>(schema: T): T {
  described.add(schema)
  return schema
}

export function isDescription(schema: unknown): boolean {
  return described.has(Object(schema))
}

import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { ResolvedOptions } from './options/resolve.js'

/** The refresh token's cookie: how it is written, and every value of that name that came. */
export interface RefreshTokenCookie {
  /** A `Set-Cookie` header's value. Without `maxAgeSeconds` the cookie ends with the browser. */
  serialize(value: string, maxAgeSeconds: number | undefined): string
  /** A `Set-Cookie` header's value that makes the browser forget it. */
  serializeCleared(): string
  /** Of several cookies with the name (set for several paths or domains) all. */
  parse(header: string | undefined): string[]
}

/**
 * Through `@fastify/cookie`: the app's own registration where there is one, else one in a child of ours,
 * for registering it again is an error.
 */
export async function createRefreshTokenCookie(
  fastify: FastifyInstance,
  { name, ...attributes }: ResolvedOptions['cookie']
): Promise<RefreshTokenCookie> {
  const { serializeCookie, parseCookie } = await findCookies(fastify)
  const { domain, ...others } = attributes
  const options = { ...others, ...(domain !== undefined && { domain }), httpOnly: true }

  return {
    serialize: (value, maxAgeSeconds) =>
      serializeCookie(name, value, {
        ...options,
        ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds })
      }),
    serializeCleared: () => serializeCookie(name, '', { ...options, maxAge: 0, expires: new Date(0) }),
    // The parser keeps the first of two with one name: each pair is given to it alone.
    parse: (header = '') => header.split(';').flatMap((pair) => parseCookie(pair)[name] ?? [])
  }
}

async function findCookies(fastify: FastifyInstance) {
  let scope = fastify
  if (!fastify.hasDecorator('serializeCookie')) {
    await fastify.register(async (child) => {
      await child.register(fastifyCookie)
      scope = child
    })
  }
  return { serializeCookie: scope.serializeCookie, parseCookie: scope.parseCookie }
}

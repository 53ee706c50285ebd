import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'

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
  const serializeCookie = await findSerializer(fastify)
  const { domain, ...others } = attributes
  const options = { ...others, ...(domain !== undefined && { domain }), httpOnly: true }

  return {
    serialize(value, maxAgeSeconds) {
      const given = maxAgeSeconds === undefined ? options : Object.assign({ maxAge: maxAgeSeconds }, options)
      return serializeCookie(name, value, given)
    },
    serializeCleared: () => serializeCookie(name, '', { ...options, maxAge: 0, expires: new Date(0) }),
    parse: (header = '') => header.split(';').flatMap((pair) => namedValue(pair, name) ?? [])
  }
}

/**
 * Not the plugin's parser: it keeps the first of two cookies with one name, and decodes as the app says.
 * A token has nothing to decode.
 */
function namedValue(pair: string, name: string): string | undefined {
  const at = pair.indexOf('=')
  return trim(pair.slice(0, Math.max(0, at))) === name ? trim(pair.slice(at + 1)) : undefined
}

/** Spaces and tabs alone (RFC 6265 section 5.2): another kind of space makes another name, which `__Host-` does not protect. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

async function findSerializer(fastify: FastifyInstance): Promise<FastifyInstance['serializeCookie']> {
  if (fastify.hasDecorator('serializeCookie')) return fastify.serializeCookie
  let scope = fastify
  await fastify.register(async (child) => {
    await child.register(fastifyCookie)
    scope = child
  })
  return scope.serializeCookie
}

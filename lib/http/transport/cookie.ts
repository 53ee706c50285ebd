import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { invalidOption } from '../../utils/checks.js'
import { findCookies } from './find-cookies.js'

/** Writes and reads the cookie with the refresh token. */
export interface RefreshTokenCookie {
  /** Returns the value of a `Set-Cookie` header. Without `maxAgeSeconds` it is a session cookie. */
  serialize(value: string, maxAgeSeconds: number | undefined): string
  /** Returns the value of a `Set-Cookie` header that deletes the cookie. */
  serializeCleared(): string
  /** Returns the values of the first 8 cookies with the name. Several exist if they were set for several paths or domains. */
  parse(header: string | undefined): string[]
}

/**
 * Creates the cookie with the serializer of `@fastify/cookie`. Uses the registration of the application if there is
 * one. Otherwise registers it in a child scope, so that the application can still register it later.
 * @throws {FRT_ERR_INVALID_OPTION} if the cookie cannot be serialized
 */
export async function createRefreshTokenCookie(
  fastify: FastifyInstance,
  { name, ...attributes }: ResolvedOptions['cookie']
): Promise<RefreshTokenCookie> {
  const serializeCookie = await findSerializer(fastify)
  const { domain, ...others } = attributes
  const options = {
    ...others,
    ...(domain !== undefined && { domain }),
    httpOnly: true,
    // Chromium removes other cookies first if the hosts of a domain have too many together.
    priority: 'high' as const
  }

  const cookie: RefreshTokenCookie = {
    serialize(value, maxAgeSeconds) {
      const withMaxAge =
        maxAgeSeconds === undefined ? options : Object.assign({ maxAge: maxAgeSeconds }, options)
      return serializeCookie(name, value, withMaxAge)
    },
    serializeCleared: () => serializeCookie(name, '', { ...options, maxAge: 0, expires: new Date(0) }),
    parse: (header = '') => findCookies(header, name)
  }
  rejectUnserializable(cookie)
  return cookie
}

/**
 * Serializes the cookie once at registration. Otherwise each login would fail after it has created its session.
 * @throws {FRT_ERR_INVALID_OPTION} if the serializer rejects an attribute
 */
function rejectUnserializable(cookie: RefreshTokenCookie): void {
  try {
    cookie.serialize('token', 1)
    cookie.serializeCleared()
  } catch (error) {
    invalidOption(`option "cookie" cannot be serialized: ${(error as Error).message}`)
  }
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

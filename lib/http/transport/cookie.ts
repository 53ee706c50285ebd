import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { ResolvedOptions } from '../../options/resolve.js'
import { invalidOption } from '../../utils/checks.js'
import { sha256 } from '../../utils/sha256.js'
import { findCookies } from './find-cookies.js'

/** Writes and reads the cookie with the refresh token. */
export interface RefreshTokenCookie {
  /** Returns the value of a `Set-Cookie` header. Without `maxAgeSeconds` it is a session cookie. */
  serialize(value: string, maxAgeSeconds: number | undefined): string
  /** Returns the `Set-Cookie` headers that delete the cookie with its current and its previous attributes, and its mark. */
  serializeCleared(header: string | undefined): string[]
  /** Returns the `Set-Cookie` headers that delete the cookie with its previous attributes, and its mark. */
  serializeOthersCleared(header: string | undefined): string[]
  /** Returns the value of a `Set-Cookie` header that marks refresh tokens as rejected. */
  serializeMark(rejected: readonly string[]): string
  /** Returns whether the browser has the mark of these tokens. */
  hasMark(header: string | undefined, rejected: readonly string[]): boolean
  /**
   * Returns the values of the cookies with the current name and with the previous names, the first 8 of each. Several
   * exist of one name if they were set for several paths or domains.
   */
  parse(header: string | undefined): string[]
}

/**
 * Creates the cookie with the serializer of `@fastify/cookie`. Uses the registration of the application if there is
 * one. Otherwise registers it in a child scope, so that the application can still register it later.
 * @throws {FRT_ERR_INVALID_OPTION} if the cookie cannot be serialized
 */
export async function createRefreshTokenCookie(
  fastify: FastifyInstance,
  { cookie, refreshToken }: Pick<ResolvedOptions, 'cookie' | 'refreshToken'>
): Promise<RefreshTokenCookie> {
  const { name, path, domain, partitioned, previous, ...others } = cookie
  const markName = `${name}-rejected`
  const serializeCookie = await findSerializer(fastify)
  const attributes = {
    ...others,
    httpOnly: true,
    // Chromium removes other cookies first if the hosts of a domain have too many together.
    priority: 'high' as const
  }
  const names = new Set([name, ...previous.map((each) => each.name)])

  function clear(cookie: CookieIdentity): string {
    return serializeCookie(cookie.name, '', {
      ...attributes,
      ...scopeOf(cookie),
      maxAge: 0,
      expires: new Date(0)
    })
  }

  /** Deletes the mark only if the browser has one, because that is seldom. */
  function clearOthers(header = ''): string[] {
    const marks =
      findCookies(header, markName).length > 0 ? [{ name: markName, path, domain, partitioned }] : []
    return [...previous, ...marks].map(clear)
  }

  const options = { ...attributes, ...scopeOf(cookie) }
  const refreshTokenCookie: RefreshTokenCookie = {
    serialize(value, maxAgeSeconds) {
      const withMaxAge =
        maxAgeSeconds === undefined ? options : Object.assign({ maxAge: maxAgeSeconds }, options)
      return serializeCookie(name, value, withMaxAge)
    },
    serializeCleared: (header) => [clear(cookie), ...clearOthers(header)],
    serializeOthersCleared: clearOthers,
    serializeMark(rejected) {
      // No refresh cookie lasts longer.
      const maxAge = Math.ceil(refreshToken.ttlMs / 1000)
      return serializeCookie(markName, digestOf(rejected), { ...options, maxAge })
    },
    hasMark: (header = '', rejected) => findCookies(header, markName).includes(digestOf(rejected)),
    parse: (header = '') => [...names].flatMap((each) => findCookies(header, each))
  }
  rejectUnserializable(refreshTokenCookie)
  return refreshTokenCookie
}

/**
 * Serializes the cookie once at registration. Otherwise each login would fail after it has created its session.
 * @throws {FRT_ERR_INVALID_OPTION} if the serializer rejects an attribute
 */
function rejectUnserializable(cookie: RefreshTokenCookie): void {
  try {
    cookie.serialize('token', 1)
    cookie.serializeCleared(undefined)
  } catch (error) {
    invalidOption(`option "cookie" cannot be serialized: ${(error as Error).message}`)
  }
}

/** A mark names its tokens by a hash, so that it contains none, and so that malformed ones can be marked too. */
function digestOf(tokens: readonly string[]): string {
  return sha256(tokens.join(';'))
}

/** What identifies a cookie in a browser. Two cookies that differ in one of these exist beside each other. */
type CookieIdentity = ResolvedOptions['cookie']['previous'][number]

function scopeOf({ path, domain, partitioned }: Omit<CookieIdentity, 'name'>) {
  return { path, partitioned, ...(domain !== undefined && { domain }) }
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

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenResponse } from '../../../types/fastify.js'
import type { Transport } from '../../../types/transport.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { IssuedTokens } from '../../sessions/issue-tokens.js'
import { nameResult } from '../../utils/callback-results.js'
import { isObject } from '../../utils/checks.js'
import type { RefreshTokenCookie } from './cookie.js'

/** Reads the refresh token from requests and writes it to responses, in both directions by the same transport. */
export interface TokenTransport {
  /** Returns all refresh tokens of the request, without validation. */
  read(request: FastifyRequest): string[]
  /** Sets the headers of the response and returns its body. */
  write(request: FastifyRequest, reply: FastifyReply, tokens: IssuedTokens): TokenResponse
  /** Deletes the cookie with the refresh token. Other transports do nothing. */
  clear(request: FastifyRequest, reply: FastifyReply): void
  /**
   * Deletes the cookies that a login replaces: those with previous attributes, and the mark. A refresh keeps them, because
   * a process of the previous deployment may still read them.
   */
  clearOthers(request: FastifyRequest, reply: FastifyReply): void
  /**
   * Marks the refresh token of the request as rejected. A 401 must not delete the cookie: it may arrive after a login, and
   * would delete the new one. A mark is a second cookie, and names the token that it belongs to.
   *
   * @returns whether the browser has the mark already, so that its page knows that the session has ended. `false` with
   * the other transports, whose clients delete the token themselves
   */
  markRejected(request: FastifyRequest, reply: FastifyReply): boolean
}

const TRANSPORTS: readonly Transport[] = ['cookie', 'body', 'header']

export function createTransport(
  { transport, header }: Pick<ResolvedOptions, 'transport' | 'header'>,
  cookie: RefreshTokenCookie
): TokenTransport {
  const transports: Record<Transport, TokenTransport> = {
    cookie: {
      read: (request) => cookie.parse(request.headers.cookie),
      write(_request, reply, tokens) {
        if (!tokens.isUnchanged) {
          const maxAgeSeconds = tokens.session.remember ? tokens.refreshTokenExpiresIn : undefined
          reply.header('set-cookie', cookie.serialize(tokens.refreshToken, maxAgeSeconds))
        }
        return accessTokenResponse(tokens)
      },
      clear(request, reply) {
        setCookies(reply, cookie.serializeCleared(request.headers.cookie))
      },
      clearOthers(request, reply) {
        setCookies(reply, cookie.serializeOthersCleared(request.headers.cookie))
      },
      markRejected({ headers }, reply) {
        const rejected = cookie.parse(headers.cookie)
        if (cookie.hasMark(headers.cookie, rejected)) return true
        reply.header('set-cookie', cookie.serializeMark(rejected))
        return false
      }
    },
    body: bodyTransport,
    header: {
      read: (request) => [request.headers[header.refreshToken] ?? []].flat(),
      write(_request, reply, tokens) {
        reply.header(header.refreshToken, tokens.refreshToken)
        reply.header(header.accessToken, tokens.accessToken)
        return accessTokenResponse(tokens)
      },
      clear() {},
      clearOthers() {},
      markRejected: () => false
    }
  }
  const transportOf = (request: FastifyRequest) => {
    const name =
      typeof transport === 'function'
        ? nameResult(transport(request), TRANSPORTS, 'option "transport"')
        : transport
    return transports[name]
  }

  return {
    read: (request) => transportOf(request).read(request),
    write: (request, reply, tokens) => transportOf(request).write(request, reply, tokens),
    clear: (request, reply) => transportOf(request).clear(request, reply),
    clearOthers: (request, reply) => transportOf(request).clearOthers(request, reply),
    markRejected: (request, reply) => transportOf(request).markRejected(request, reply)
  }
}

/** Returns the transports that a request may use. */
export function transportsOf(transport: ResolvedOptions['transport']): readonly Transport[] {
  return typeof transport === 'function' ? TRANSPORTS : [transport]
}

/**
 * Returns whether a page of another site can make a browser send a token to the refresh and logout routes. A transport
 * function can select the cookie, and may do so by the body, which is read after the check. `accessToken.read` can read
 * a cookie.
 */
export function isTokenForgeable({
  transport,
  accessToken
}: Pick<ResolvedOptions, 'transport' | 'accessToken'>): boolean {
  return transportsOf(transport).includes('cookie') || accessToken.read !== undefined
}

/** The transport `body`. OAuth clients also use it (RFC 6749, sections 5.1 and 6). */
export const bodyTransport: TokenTransport = {
  read({ body }) {
    if (!isObject(body) || body.refresh_token === undefined) return []
    // Another type counts as a malformed token.
    return [typeof body.refresh_token === 'string' ? body.refresh_token : '']
  },
  write: (_request, _reply, tokens) =>
    Object.assign(accessTokenResponse(tokens), {
      refresh_token: tokens.refreshToken,
      refresh_token_expires_in: tokens.refreshTokenExpiresIn
    }),
  clear() {},
  clearOthers() {},
  markRejected: () => false
}

function setCookies(reply: FastifyReply, cookies: readonly string[]): void {
  for (const cookie of cookies) reply.header('set-cookie', cookie)
}

function accessTokenResponse({ accessToken, expiresIn }: IssuedTokens): TokenResponse {
  return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn }
}

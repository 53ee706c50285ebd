import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenResponse } from '../../../types/fastify.js'
import type { Transport } from '../../../types/options.js'
import type { ResolvedOptions } from '../../options/resolve.js'
import type { IssuedTokens } from '../../sessions/issue-tokens.js'
import { isObject } from '../../utils/checks.js'
import type { RefreshTokenCookie } from './cookie.js'

/** How the refresh token travels, both ways: what came one way never leaves another. */
export interface TokenTransport {
  /** Every refresh token that came with the request, as it came. */
  read(request: FastifyRequest): string[]
  /** Puts the tokens on their way, and gives the body to answer with. */
  write(request: FastifyRequest, reply: FastifyReply, tokens: IssuedTokens): TokenResponse
  /** Makes a browser forget its token. */
  clear(request: FastifyRequest, reply: FastifyReply): void
}

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
      clear(_request, reply) {
        reply.header('set-cookie', cookie.serializeCleared())
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
      clear() {}
    }
  }
  const of = (request: FastifyRequest) => {
    const name = typeof transport === 'function' ? transport(request) : transport
    const found = Object.hasOwn(transports, name) && transports[name]
    if (!found) throw new TypeError(`transport must give 'cookie', 'body' or 'header'`)
    return found
  }

  return {
    read: (request) => of(request).read(request),
    write: (request, reply, tokens) => of(request).write(request, reply, tokens),
    clear: (request, reply) => of(request).clear(request, reply)
  }
}

/** By which of them a request may come. */
export function transportsOf(transport: ResolvedOptions['transport']): readonly Transport[] {
  return typeof transport === 'function' ? ['cookie', 'body', 'header'] : [transport]
}

/** Also what OAuth clients speak (RFC 6749 sections 5.1 and 6). */
export const bodyTransport: TokenTransport = {
  read({ body }) {
    if (!isObject(body) || body.refresh_token === undefined) return []
    // What is no string is a malformed token.
    return [typeof body.refresh_token === 'string' ? body.refresh_token : '']
  },
  write: (_request, _reply, tokens) =>
    Object.assign(accessTokenResponse(tokens), {
      refresh_token: tokens.refreshToken,
      refresh_token_expires_in: tokens.refreshTokenExpiresIn
    }),
  clear() {}
}

function accessTokenResponse({ accessToken, expiresIn }: IssuedTokens): TokenResponse {
  return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresIn }
}

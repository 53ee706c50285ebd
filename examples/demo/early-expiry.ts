import createError from '@fastify/error'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errorCodes } from 'fastify-refresh-token'

const AccessTokenExpired = createError(errorCodes.AccessTokenExpired, 'The access token has expired', 401)

/** Rejects an access token before it expires, like a server whose clock is ahead of the client's. */
export class EarlyExpiry {
  /** The rejected `Authorization` header of each session. */
  readonly #expired = new Map<string, string>()

  expire(request: FastifyRequest): void {
    const { sid = '' } = request.user ?? {}
    this.#expired.set(sid, request.headers.authorization ?? '')
  }

  forget(sid: string): void {
    this.#expired.delete(sid)
  }

  /** A hook that runs after `authenticate`. */
  readonly check = async ({ user, headers }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (this.#expired.get(user?.sid ?? '') !== headers.authorization) return
    reply.header('www-authenticate', 'Bearer realm="api", error="invalid_token"')
    throw new AccessTokenExpired()
  }
}

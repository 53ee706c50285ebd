import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Loses the response to the next refresh of a session. The server processes the refresh, and the connection breaks in
 * the middle of the response. It breaks after the headers, because a browser repeats a request that got no response.
 */
export class LostResponses {
  readonly #armed = new Set<string>()
  readonly #lost = new WeakSet<FastifyRequest>()

  loseNext(sid: string): void {
    this.#armed.add(sid)
  }

  onRefresh(sid: string, request: FastifyRequest | null): void {
    if (request && this.#armed.delete(sid)) this.#lost.add(request)
  }

  /** An `onSend` hook. */
  readonly onSend = async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (!this.#lost.has(request)) return payload
    // The client receives neither the access token nor the refresh token.
    reply.removeHeader('set-cookie')
    return brokenStream()
  }
}

function brokenStream(): Readable {
  return new Readable({
    read() {
      this.push(' ')
      setImmediate(() => this.destroy())
    }
  })
}

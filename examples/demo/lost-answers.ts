import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Loses the answer of a session's next refresh: the server has done its work, and the connection breaks within the
 * answer. It breaks after the head, for browsers send a request again by themselves where nothing came at all.
 */
export class LostAnswers {
  readonly #armed = new Set<string>()
  readonly #lost = new WeakSet<FastifyRequest>()

  loseNext(sid: string): void {
    this.#armed.add(sid)
  }

  refreshed(sid: string, request: FastifyRequest | null): void {
    if (request && this.#armed.delete(sid)) this.#lost.add(request)
  }

  /** An `onSend` hook. */
  readonly breakOff = async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (!this.#lost.has(request)) return payload
    // Neither of the two tokens arrives.
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

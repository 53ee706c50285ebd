import type { FastifyReply } from 'fastify'

/**
 * Returns a function that says whether a response was sent or is being sent. `reply.sent` alone is `false` until all
 * `onSend` hooks have run, so that an asynchronous hook of the application would hide the response.
 */
export function watchSend(reply: FastifyReply): () => boolean {
  const { send } = reply
  let isCalled = false
  reply.send = function watchedSend(this: FastifyReply, payload?: unknown) {
    isCalled = true
    return send.call(this, payload)
  } as typeof send
  return () => isCalled || reply.sent || reply.raw.headersSent
}

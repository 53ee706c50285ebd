import fastifyFormbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'

/**
 * JSON and forms, whatever the app reads elsewhere. Nothing else: a `text/plain` body is what a page of
 * another site can send without asking first.
 */
export async function addParsers(routes: FastifyInstance): Promise<void> {
  const parseJson = routes.getDefaultJsonParser('error', 'error')
  routes.removeAllContentTypeParsers()
  routes.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Clients set the header on every request: a refresh without a body is a refresh.
    if (body === '') done(null, undefined)
    else parseJson(request, body, done)
  })
  await routes.register(fastifyFormbody)
}

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

type ErrorHandler = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => unknown

/**
 * Creates the error handler of the plugin's routes. Fastify gives a route the error handler that its scope has when the
 * route is added. The plugin adds its routes while it is registered, before the application continues. Therefore this one
 * looks up the handler of the application when an error occurs, so that `app.setErrorHandler` may be called later.
 *
 * @param app the scope in which the application registered the plugin
 */
export function createErrorHandler(app: FastifyInstance): ErrorHandler {
  const { errorHandler: initial } = app

  return function pluginErrorHandler(error, request, reply) {
    const { errorHandler } = app
    // The routes have this handler anyway. Fastify calls it next, and would call it twice if it was called here. A value
    // that is no error would be sent as a response.
    if (errorHandler === initial && error instanceof Error) throw error
    return errorHandler(error, request, reply)
  }
}

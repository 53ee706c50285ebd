import type { FastifyInstance } from 'fastify'

/** Logs a warning if the application registers `@fastify/swagger` after the plugin, because it then misses the routes. */
export function warnAboutLateSwagger(fastify: FastifyInstance): void {
  if (fastify.hasDecorator('swagger')) return
  fastify.addHook('onReady', async () => {
    if (!fastify.hasDecorator('swagger')) return
    const message =
      '@fastify/swagger is registered after the plugin; its document has no routes of the plugin'
    fastify.log.warn({ event: 'option_warning' }, message)
  })
}

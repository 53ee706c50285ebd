export type * from './events.js'
export type * from './fastify.js'
export type * from './identity.js'
export type * from './options.js'

import { fastifyRefreshToken } from './plugin.js'

export default fastifyRefreshToken

export type * from '../types/index.js'
export { type ErrorCode, errorCodes } from './errors.js'
export { authenticate, authorize, checkOrigin, requireAuthentication } from './http/guards/hooks.js'
export {
  type SecurityScheme,
  type SecuritySchemes,
  securitySchemes
} from './http/openapi/security-schemes.js'
export { fastifyRefreshToken } from './plugin.js'
export { resourceServer } from './resource-server/plugin.js'
export { MemoryStore, type MemoryStoreOptions } from './store/memory/memory-store.js'
export { RedisStore, type RedisStoreOptions } from './store/redis/redis-store.js'

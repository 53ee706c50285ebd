// Selects the tests of each environment of `npm run test:matrix`.
import { allTests } from '../test/suites.mjs'

/** Tests whose result can depend on the version of the server. */
export const onServer = select(
  // Scripts in Lua, their memory, replication, the replies to INFO and CONFIG.
  /^test\/redis\/store\//,
  // Streams: ids, trimming, blocking reads, and what a failover loses of them.
  /^test\/redis\/feed\/(failover|faults|redis-feed)\./,
  // Errors of the server, for example OOM and MISCONF, and the roles of servers.
  /^test\/redis\/faults\/(refusing|split)\./
)

/** Tests whose result can depend on the version of ioredis. */
export const onClient = select(
  // Calls of scripts, types of replies, options and Cluster. The comparison with the memory store depends only on Lua.
  /^test\/redis\/store\/(?!differential)/,
  // The connection of the reader, which is a duplicate of the client. The monitor only receives its events.
  /^test\/redis\/feed\/(?!feed-monitor)/,
  // What the client repeats, queues or rejects, by its options, when a connection breaks or a server rejects a command.
  /^test\/redis\/faults\/(client-options|lost-replies|races|refusing|split)\./
)

/** Tests whose result can depend on the version of Fastify. */
export const onFastify = select(
  // Routes, hooks, decorators, parsers, schemas, logs. The other tests are about keys, tokens, the rule, events, or clients.
  /^test\/http\/(?!asymmetric-keys|diagnostics|flows|jose|key-rotation|openapi-client|resource-server-jwks|rotation|secrets|token-versions)/,
  // Recipes with other plugins, or with hooks of Fastify.
  /^test\/docs\/recipes\/(cors|graphql|login-rate-limit|server-rendered|type-providers|websocket)\./
)

function select(...patterns) {
  return allTests.filter((name) => patterns.some((pattern) => pattern.test(name)))
}

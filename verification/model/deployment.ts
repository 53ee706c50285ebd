import Fastify, { type FastifyInstance } from 'fastify'
import { fastifyRefreshToken, type SessionStore } from '../../lib/index.js'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec, type RefreshTokenCodec } from '../../lib/tokens/refresh-token.js'
import { MAX_PER_USER } from './model.js'

const [OLD, NEW] = [Buffer.alloc(32, 'old'), Buffer.alloc(32, 'new')]

/** How secrets roll: each step reaches all processes before the next. */
export const PHASES = [[OLD, NEW], [NEW, OLD], [NEW]] as const

/** One process of a deployment, with the secrets of its phase. */
export interface Process {
  app: FastifyInstance
  codec: RefreshTokenCodec
  phase: number
}

/** What the hooks told: the name, and what of it is predicted. */
export type Told = [name: string, sid: string, ...details: unknown[]]

/**
 * Two processes for each phase of the secrets. Building an app takes as long as a whole run, so all runs share
 * them: the store that they talk to is `storeOf`'s of the moment, and no session is of two runs.
 */
export async function deploy(storeOf: () => SessionStore, tell: (told: Told) => void): Promise<Process[][]> {
  const store = new Proxy({} as SessionStore, {
    get(_target, name) {
      // Guarded routes ask the store: what a process hears from a feed, it hears in time of its own.
      if (name === 'openFeed') return undefined
      const own = storeOf()
      const method: unknown = Reflect.get(own, name)
      return typeof method === 'function' ? method.bind(own) : method
    }
  })
  const start = (phase: number) => startProcess(store, phase, tell)
  return Promise.all([0, 1].map(() => Promise.all(PHASES.map((_, phase) => start(phase)))))
}

async function startProcess(
  store: SessionStore,
  phase: number,
  tell: (told: Told) => void
): Promise<Process> {
  const secrets = PHASES[phase] as readonly [Buffer, ...Buffer[]]
  const app = Fastify()
  await app.register(fastifyRefreshToken, {
    secret: [...secrets],
    store,
    login: (request) => ({ sub: (request.body as { sub: string }).sub }),
    transport: (request) => (request.headers['x-client'] === 'mobile' ? 'body' : 'cookie'),
    session: { maxPerUser: MAX_PER_USER },
    onLogin: async ({ sid }) => tell(['login', sid]),
    onRefresh: async ({ sid, gen, outcome, row, rollback }) =>
      tell(['refresh', sid, gen, outcome, row, rollback]),
    onLogout: async ({ sid, reason }) => tell(['logout', sid, reason]),
    onReuse: async ({ sid, reason, row }) => tell(['reuse', sid, reason, row])
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return { app, codec: createRefreshTokenCodec(deriveKeys(secrets, 'frt:')), phase }
}

import Fastify, { type FastifyInstance } from 'fastify'
import { fastifyRefreshToken, type SessionStore } from '../../lib/index.js'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec, type RefreshTokenCodec } from '../../lib/tokens/refresh-token.js'
import { MAX_PER_USER } from './model.js'

const [OLD, NEW] = [Buffer.alloc(32, 'old'), Buffer.alloc(32, 'new')]

/** The steps of a secret rotation. All processes reach a step before any process starts the next. */
export const PHASES = [[OLD, NEW], [NEW, OLD], [NEW]] as const

/** One process of a deployment, with the secrets of its phase. */
export interface Process {
  app: FastifyInstance
  codec: RefreshTokenCodec
  phase: number
}

/** A call of a hook: its name, and the arguments that the model predicts. */
export type HookCall = [name: string, sid: string, ...details: unknown[]]

/**
 * Starts two processes for each phase of the secrets.
 *
 * All runs share the processes, because starting one takes as long as a run. `currentStore` returns the store of the
 * current run, and runs share no sessions.
 */
export async function deploy(
  currentStore: () => SessionStore,
  onHookCall: (hookCall: HookCall) => void
): Promise<Process[][]> {
  const store = new Proxy({} as SessionStore, {
    get(_target, name) {
      // Guarded routes query the store instead of a feed, because the delay of a feed is not deterministic.
      if (name === 'openFeed') return undefined
      const own = currentStore()
      const method: unknown = Reflect.get(own, name)
      return typeof method === 'function' ? method.bind(own) : method
    }
  })
  const start = (phase: number) => startProcess(store, phase, onHookCall)
  return Promise.all([0, 1].map(() => Promise.all(PHASES.map((_, phase) => start(phase)))))
}

async function startProcess(
  store: SessionStore,
  phase: number,
  onHookCall: (hookCall: HookCall) => void
): Promise<Process> {
  const secrets = PHASES[phase] as readonly [Buffer, ...Buffer[]]
  const app = Fastify()
  await app.register(fastifyRefreshToken, {
    secret: [...secrets],
    store,
    login: (request) => ({ sub: (request.body as { sub: string }).sub }),
    transport: (request) => (request.headers['x-client'] === 'mobile' ? 'body' : 'cookie'),
    session: { maxPerUser: MAX_PER_USER },
    onLogin: async ({ sid }) => onHookCall(['login', sid]),
    onRefresh: async ({ sid, gen, outcome, row, rollback }) =>
      onHookCall(['refresh', sid, gen, outcome, row, rollback]),
    onLogout: async ({ sid, reason }) => onHookCall(['logout', sid, reason]),
    onReuse: async ({ sid, reason, row }) => onHookCall(['reuse', sid, reason, row])
  })
  app.get('/me', { preHandler: app.authenticate }, async (request) => request.user)
  await app.ready()
  return { app, codec: createRefreshTokenCodec(deriveKeys(secrets, 'frt:')), phase }
}

import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, {
  authenticate,
  authorize,
  type FastifyRefreshTokenOptions,
  type SessionStore
} from 'fastify-refresh-token'
import { servePage } from '../page/serve-page.js'
import { credentialsSchema, login } from '../users.js'
import { Attacker } from './attacker.js'
import { Cooldown } from './cooldown.js'
import { registerDemoRoutes, type Simulation } from './demo-routes.js'
import { EarlyExpiry } from './early-expiry.js'
import { LostResponses } from './lost-responses.js'
import { SessionHistory } from './session-history.js'
import { settings } from './settings.js'
import { createStoppableStore } from './stoppable-store.js'

export interface DemoOptions {
  secret: string | Buffer
  store: SessionStore
  logLevel?: string
}

/** Creates the app of the demo: the plugin, two guarded routes, the page, and the routes that simulate faults. */
export async function createDemo({
  secret,
  store,
  logLevel = 'warn'
}: DemoOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: logLevel } })
  const simulation: Simulation = {
    stoppable: createStoppableStore(store),
    history: new SessionHistory(),
    cooldown: new Cooldown(),
    lostResponses: new LostResponses(),
    earlyExpiry: new EarlyExpiry(),
    attacker: new Attacker()
  }
  app.addHook('onSend', simulation.lostResponses.onSend)
  app.addHook('onResponse', async ({ user }) => {
    if (user) simulation.cooldown.recordConfirmation(user.sid, user.gen)
  })

  await app.register(refreshToken, {
    secret,
    store: simulation.stoppable.store,
    accessToken: { ttl: settings.accessTtlSeconds },
    refreshToken: { grace: settings.graceMs / 1000 },
    routes: { login: { schema: { body: credentialsSchema } } },
    login,
    ...hooksFor(simulation)
  })

  const guard = [authenticate, simulation.earlyExpiry.check]
  app.get('/me', { preHandler: guard }, async ({ user }) => ({ id: user?.sub, name: user?.name }))
  app.get('/admin', { preHandler: [...guard, authorize('admin')] }, async ({ user }) => ({
    message: `Only admins see this, ${user?.name}`
  }))
  await registerDemoRoutes(app, simulation)
  await servePage(app, new URL('./public/', import.meta.url))
  return app
}

/** Returns the hooks that record what the plugin reports about sessions. */
function hooksFor({ history, cooldown, lostResponses, earlyExpiry, attacker }: Simulation) {
  function forget(sid: string): void {
    earlyExpiry.forget(sid)
    attacker.forget(sid)
  }
  return {
    onLogin: ({ sid, gen }) => history.add(sid, { type: 'created', gen }),
    onRefresh({ sid, gen, outcome, row }, request) {
      history.add(sid, { type: outcome, gen })
      if (outcome === 'rotated') cooldown.recordRotation(sid, gen)
      else if (row === 3) cooldown.recordConfirmation(sid, gen)
      lostResponses.onRefresh(sid, request)
    },
    onLogout({ sid, gen, reason }) {
      history.add(sid, { type: 'revoked', gen, reason })
      forget(sid)
    },
    onReuse({ sid, gen, reason }) {
      const copied = history.copiedGeneration(sid)
      if (copied !== undefined) history.add(sid, { type: 'reused', gen: copied })
      history.add(sid, { type: 'revoked', gen, reason })
      forget(sid)
    }
  } satisfies Partial<FastifyRefreshTokenOptions>
}

import Fastify, { type FastifyInstance } from 'fastify'
import refreshToken, { type FastifyRefreshTokenOptions, type SessionStore } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { EarlyExpiry } from './early-expiry.js'
import { History } from './history.js'
import { LostAnswers } from './lost-answers.js'
import { servePage } from './page.js'
import { Rests } from './rests.js'
import { settings } from './settings.js'
import { registerStage, type Stage } from './stage.js'
import { createStoppableStore } from './stoppable-store.js'
import { Thief } from './thief.js'

export interface DemoOptions {
  secret: string | Buffer
  store: SessionStore
  logLevel?: string
}

/** The app of the demo: the plugin, two guarded routes, the page, and the stage behind it. */
export async function createDemo({
  secret,
  store,
  logLevel = 'warn'
}: DemoOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: logLevel } })
  const stage: Stage = {
    stoppable: createStoppableStore(store),
    history: new History(),
    rests: new Rests(),
    lostAnswers: new LostAnswers(),
    earlyExpiry: new EarlyExpiry(),
    thief: new Thief()
  }
  app.addHook('onSend', stage.lostAnswers.breakOff)
  app.addHook('onResponse', async ({ user }) => {
    if (user) stage.rests.proved(user.sid, user.gen)
  })

  await app.register(refreshToken, {
    secret,
    store: stage.stoppable.store,
    accessToken: { ttl: settings.accessTtlSeconds },
    refreshToken: { grace: settings.graceMs / 1000 },
    routes: { login: { schema: { body: credentialsSchema } } },
    login,
    ...listeners(stage)
  })

  const guard = [app.authenticate, stage.earlyExpiry.check]
  app.get('/me', { preHandler: guard }, async ({ user }) => ({ id: user?.sub, name: user?.name }))
  app.get('/admin', { preHandler: [...guard, app.authorize('admin')] }, async ({ user }) => ({
    message: `Only admins see this, ${user?.name}`
  }))
  await registerStage(app, stage)
  servePage(app)
  return app
}

/** What the server itself tells of its sessions. */
function listeners({ history, rests, lostAnswers, earlyExpiry, thief }: Stage) {
  function forget(sid: string): void {
    earlyExpiry.forget(sid)
    thief.forget(sid)
  }
  return {
    onLogin: ({ sid, gen }) => history.add(sid, { type: 'login', gen }),
    onRefresh({ sid, gen, outcome, row }, request) {
      history.add(sid, { type: outcome, gen })
      if (outcome === 'rotated') rests.minted(sid, gen)
      else if (row === 3) rests.proved(sid, gen)
      lostAnswers.refreshed(sid, request)
    },
    onLogout({ sid, gen, reason }) {
      history.add(sid, { type: 'ended', gen, reason })
      forget(sid)
    },
    onReuse({ sid, gen, reason }) {
      const copied = history.copiedGen(sid)
      if (copied !== undefined) history.add(sid, { type: 'reused', gen: copied })
      history.add(sid, { type: 'ended', gen, reason })
      forget(sid)
    }
  } satisfies Partial<FastifyRefreshTokenOptions>
}

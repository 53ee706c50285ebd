import createError from '@fastify/error'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { authenticate } from 'fastify-refresh-token'
import type { Attacker } from './attacker.js'
import type { Cooldown } from './cooldown.js'
import type { EarlyExpiry } from './early-expiry.js'
import type { LostResponses } from './lost-responses.js'
import { refreshCookieOf } from './refresh-cookie.js'
import type { SessionHistory } from './session-history.js'
import { settings } from './settings.js'
import type { StoppableStore } from './stoppable-store.js'

/** The parts of the demo that simulate faults. */
export interface Simulation {
  stoppable: StoppableStore
  history: SessionHistory
  cooldown: Cooldown
  lostResponses: LostResponses
  earlyExpiry: EarlyExpiry
  attacker: Attacker
}

const UnknownHistory = createError('DEMO_ERR_UNKNOWN_HISTORY', 'No session has this history key', 404)
const NoCookie = createError('DEMO_ERR_NO_COOKIE', 'The request has no refresh token cookie', 409)
const NothingCopied = createError('DEMO_ERR_NOTHING_COPIED', 'The attacker has not copied a cookie', 409)

const storeSchema = {
  body: { type: 'object', required: ['running'], properties: { running: { type: 'boolean' } } }
}

/**
 * Registers the routes that only the demo has. They simulate faults for the session of the presented access token.
 * Anyone who can reach the demo may stop and start the store, because no login works while it is stopped. A page
 * of another origin cannot, because a `PUT` with JSON needs a CORS preflight.
 */
export async function registerDemoRoutes(app: FastifyInstance, simulation: Simulation): Promise<void> {
  const { stoppable, history, cooldown, lostResponses, earlyExpiry, attacker } = simulation
  const guarded = { preHandler: authenticate }
  const phones = new Map<string, number>()

  app.post('/demo/watch', guarded, async (request) => {
    const { sid, gen } = userOf(request)
    return {
      ...settings,
      historyKey: history.keyOf(sid, gen),
      cookie: refreshCookieOf(request) !== undefined
    }
  })

  app.get('/demo/history', async ({ headers }, reply) => {
    reply.header('cache-control', 'no-store')
    const sid = history.sidOf(String(headers['x-demo-history-key']))
    if (sid === undefined) throw new UnknownHistory()
    return {
      events: history.of(sid),
      cooldownMs: cooldown.remainingMs(sid),
      storeIsRunning: stoppable.isRunning
    }
  })

  app.post('/demo/expire', guarded, async (request) => {
    earlyExpiry.expire(request)
    return {}
  })

  app.post('/demo/lose-response', guarded, async (request) => {
    lostResponses.loseNext(userOf(request).sid)
    return {}
  })

  app.post('/demo/attacker/copy', guarded, async (request) => {
    const { sid } = userOf(request)
    const cookie = refreshCookieOf(request)
    if (cookie === undefined) throw new NoCookie()
    attacker.copy(sid, cookie)
    const gen = history.currentGeneration(sid)
    history.add(sid, { type: 'copied', gen })
    return { gen }
  })

  app.post('/demo/attacker/refresh', guarded, async (request) => {
    const result = await attacker.refresh(app, userOf(request).sid)
    if (!result) throw new NothingCopied()
    return result
  })

  app.post('/demo/devices', guarded, async (request) => {
    const { sub } = userOf(request)
    const number = (phones.get(sub) ?? 0) + 1
    phones.set(sub, number)
    const name = `Phone ${number} (simulated)`
    await app.sessions.create({ sub, metadata: { user_agent: name } })
    return { name }
  })

  app.get('/demo/store', async () => ({ running: stoppable.isRunning }))

  app.put('/demo/store', { schema: storeSchema }, async ({ body }) => {
    stoppable.isRunning = (body as { running: boolean }).running
    return { running: stoppable.isRunning }
  })
}

function userOf({ user }: FastifyRequest) {
  if (!user) throw new Error('the route is not guarded')
  return user
}

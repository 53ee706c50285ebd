import createError from '@fastify/error'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { EarlyExpiry } from './early-expiry.js'
import type { History } from './history.js'
import type { LostAnswers } from './lost-answers.js'
import { refreshCookieOf } from './refresh-cookie.js'
import type { Rests } from './rests.js'
import { settings } from './settings.js'
import type { StoppableStore } from './stoppable-store.js'
import type { Thief } from './thief.js'

export interface Stage {
  stoppable: StoppableStore
  history: History
  rests: Rests
  lostAnswers: LostAnswers
  earlyExpiry: EarlyExpiry
  thief: Thief
}

const NoStory = createError('DEMO_ERR_NO_STORY', 'No session has this ticket', 404)
const NoCookie = createError('DEMO_ERR_NO_COOKIE', 'The cookie of the refresh token did not come along', 409)
const NothingCopied = createError('DEMO_ERR_NOTHING_COPIED', 'The jar was not copied', 409)

const storeSchema = {
  body: { type: 'object', required: ['running'], properties: { running: { type: 'boolean' } } }
}

/**
 * Routes of the demo alone: they let a page play what an app hopes never to see. Each acts on the session of the access
 * token that comes along, or tells of that of the ticket. The store's switch is for whoever can reach the demo, since
 * nobody can refresh while it is off; another site's page cannot, for a `PUT` of JSON asks first (CORS).
 */
export async function registerStage(app: FastifyInstance, stage: Stage): Promise<void> {
  const { stoppable, history, rests, lostAnswers, earlyExpiry, thief } = stage
  const guarded = { preHandler: app.authenticate }

  app.post('/demo/watch', guarded, async (request) => {
    const { sid, gen } = userOf(request)
    return { ...settings, ticket: history.watch(sid, gen), cookie: refreshCookieOf(request) !== undefined }
  })

  app.get('/demo/history', async ({ headers }, reply) => {
    reply.header('cache-control', 'no-store')
    const sid = history.sidOf(String(headers['x-demo-ticket']))
    if (sid === undefined) throw new NoStory()
    return { happenings: history.of(sid), restsForMs: rests.leftMs(sid), storeRuns: stoppable.isRunning }
  })

  app.post('/demo/expire', guarded, async (request) => {
    earlyExpiry.expire(request)
    return {}
  })

  app.post('/demo/lose-answer', guarded, async (request) => {
    lostAnswers.loseNext(userOf(request).sid)
    return {}
  })

  app.post('/demo/thief/copy', guarded, async (request) => {
    const { sid } = userOf(request)
    const cookie = refreshCookieOf(request)
    if (cookie === undefined) throw new NoCookie()
    thief.copy(sid, cookie)
    const gen = history.currentGen(sid)
    history.add(sid, { type: 'copied', gen })
    return { gen }
  })

  app.post('/demo/thief/refresh', guarded, async (request) => {
    const answer = await thief.refresh(app, userOf(request).sid)
    if (!answer) throw new NothingCopied()
    return answer
  })

  app.post('/demo/devices', guarded, async (request) => {
    const { sub } = userOf(request)
    await app.sessions.create({ sub, metadata: { user_agent: 'A phone (played by the demo)' } })
    return {}
  })

  app.get('/demo/store', async () => ({ running: stoppable.isRunning }))

  app.put('/demo/store', { schema: storeSchema }, async ({ body }) => {
    stoppable.isRunning = (body as { running: boolean }).running
    return { running: stoppable.isRunning }
  })
}

function userOf({ user }: FastifyRequest) {
  if (!user) throw new Error('the guard lets nobody in without a user')
  return user
}

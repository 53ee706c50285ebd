// Pages that the server renders, without a script: the access token is in a cookie, too.
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import refreshToken, { type TokenResponse } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

const ACCESS = '__Host-access_token'
const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const

const loginForm =
  '<form method="post"><input name="username"><input name="password" type="password"><button>Log in</button></form>'
const accountForms =
  '<form method="post"><input name="note"><button>Keep</button></form><form method="post" action="/logout"><button>Log out</button></form>'

export async function buildServerRendered({
  secret,
  redis,
  logger = false
}: RecipeOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(cookie)
  await app.register(formbody)
  await app.register(refreshToken, {
    secret,
    redis,
    routes: { login: false },
    accessToken: { read: ({ cookies }) => cookies[ACCESS] },
    // Not strict: who follows a link to here is logged in. So whatever changes something asks `checkOrigin`.
    cookie: { sameSite: 'lax' }
  })
  app.addHook('onRequest', app.checkOrigin)

  app.get('/login', async (_request, reply) => page(reply, loginForm))
  app.post('/login', { schema: { body: credentialsSchema } }, async (request, reply) => {
    const identity = await login(request)
    if (!identity) return page(reply.code(401), loginForm)
    keepAccessToken(reply, await reply.startSession(identity))
    return reply.redirect('/account', 303)
  })
  app.post('/logout', async (_request, reply) => {
    await reply.endSession()
    return reply.clearCookie(ACCESS, COOKIE).redirect('/login', 303)
  })

  await app.register(async (pages) => {
    pages.addHook('onRequest', enter)
    const notes: string[] = []
    pages.get('/account', async ({ user }, reply) =>
      page(reply, `<p>You are ${user?.sub}, and keep ${notes.length} notes.</p>${accountForms}`)
    )
    pages.post<{ Body: { note: string } }>('/account', async ({ body }, reply) => {
      notes.push(body.note)
      return reply.redirect('/account', 303)
    })
  })
  return app
}

/** Lets in who has a good access token, and gets one for who has a session. */
async function enter(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const user = await request.authenticate().catch(unless401)
  if (user) return
  const tokens = await reply.refreshSession().catch(unless401)
  if (!tokens) return reply.clearCookie(ACCESS, COOKIE).redirect('/login', 303)

  keepAccessToken(reply, tokens)
  // The browser sends the same request again (307: a form with what is in it), now with the new token, which
  // proves that it got the cookies. A server that goes on with that token itself proves nothing of the kind:
  // it needs `refreshToken.confirms`, which says `false` for such a request.
  return reply.redirect(request.url, 307)
}

/** A store that is down is no logout. */
function unless401(error: { statusCode?: number }): null {
  if (error.statusCode !== 401) throw error
  return null
}

function keepAccessToken(reply: FastifyReply, { access_token, expires_in }: TokenResponse): void {
  reply.setCookie(ACCESS, access_token, { ...COOKIE, maxAge: expires_in })
}

function page(reply: FastifyReply, body: string): FastifyReply {
  return reply.type('text/html').header('cache-control', 'no-store').send(`<!doctype html>${body}`)
}

await serveIfStarted(import.meta.url, buildServerRendered)

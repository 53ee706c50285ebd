// The server renders the pages, and they contain no script. The access token is also in a cookie.
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import refreshToken, { checkOrigin, type TokenResponse } from 'fastify-refresh-token'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

const ACCESS = '__Host-access_token'
const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const

const loginForm =
  '<form method="post"><input name="username"><input name="password" type="password"><button>Log in</button></form>'
const accountForms =
  '<form method="post"><input name="note"><button>Save</button></form><form method="post" action="/logout"><button>Log out</button></form>'

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
    // With `lax` instead of `strict`, a user who follows a link from another site is logged in. Therefore `checkOrigin`
    // must protect all requests that change something.
    cookie: { sameSite: 'lax' }
  })
  app.addHook('onRequest', checkOrigin)

  app.get('/login', async (_request, reply) => page(reply, loginForm))
  app.post('/login', { schema: { body: credentialsSchema } }, async (request, reply) => {
    const identity = await login(request)
    if (!identity) return page(reply.code(401), loginForm)
    setAccessTokenCookie(reply, await reply.startSession(identity))
    return reply.redirect('/account', 303)
  })
  app.post('/logout', async (_request, reply) => {
    await reply.endSession()
    return reply.clearCookie(ACCESS, COOKIE).redirect('/login', 303)
  })

  await app.register(async (pages) => {
    pages.addHook('onRequest', authenticateOrRefresh)
    const notes: string[] = []
    pages.get('/account', async ({ user }, reply) =>
      page(reply, `<p>You are ${user?.sub}, and have ${notes.length} notes.</p>${accountForms}`)
    )
    pages.post<{ Body: { note: string } }>('/account', async ({ body }, reply) => {
      notes.push(body.note)
      return reply.redirect('/account', 303)
    })
  })
  return app
}

/** Authenticates the request. If the access token has expired, refreshes and repeats the request. */
export async function authenticateOrRefresh(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const user = await request.authenticate().catch(nullIf401)
  if (user) return
  const tokens = await reply.refreshSession().catch(nullIf401)
  if (!tokens) return reply.clearCookie(ACCESS, COOKIE).redirect('/login', 303)

  setAccessTokenCookie(reply, tokens)
  // With 307 the browser sends the same request again, including the form data, and with the new access token. This
  // proves that the browser has received the cookies. If the server used the new token itself, it would prove nothing.
  // Such a server needs `refreshToken.confirms`, and returns `false` for the request.
  return reply.redirect(sameUrl(request), 307)
}

/**
 * Returns the URL of the request as a redirect target of this origin. A browser reads `//evil.example` and
 * `/\evil.example` as another host. After `/.` it reads any text as a path, and it removes the dot.
 */
function sameUrl({ url }: FastifyRequest): string {
  return `/.${url}`
}

/** Returns `null` for a 401, and throws any other error again. An unavailable store must not log out the user. */
function nullIf401(error: { statusCode?: number }): null {
  if (error.statusCode !== 401) throw error
  return null
}

function setAccessTokenCookie(reply: FastifyReply, { access_token, expires_in }: TokenResponse): void {
  reply.setCookie(ACCESS, access_token, { ...COOKIE, maxAge: expires_in })
}

function page(reply: FastifyReply, body: string): FastifyReply {
  return reply.type('text/html').header('cache-control', 'no-store').send(`<!doctype html>${body}`)
}

await serveIfStarted(import.meta.url, buildServerRendered)

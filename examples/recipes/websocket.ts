// A WebSocket that lives no longer than its access token, and closes when the session ends.
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import type { WebSocket } from 'ws'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

/** The client takes it for a 401: it refreshes, and connects again or asks for the password. */
export const UNAUTHORIZED = 4401
const CHECK_MS = 1000

/**
 * `new WebSocket(url, ['bearer', accessToken])`: a page can set no header, and what is in the address gets
 * into logs.
 */
function tokenOf({ headers }: FastifyRequest): string {
  const [scheme, token = ''] = (headers['sec-websocket-protocol'] ?? '').split(/ *, */)
  return scheme === 'bearer' ? token : ''
}

export async function buildWebsocket(
  { secret, redis, logger = false }: RecipeOptions,
  origin = 'http://localhost:3000'
): Promise<FastifyInstance> {
  const app = Fastify({ logger })
  await app.register(refreshToken, {
    secret,
    redis,
    login,
    routes: { login: { schema: { body: credentialsSchema } } }
  })
  // The answer names the scheme alone: the token must not come back.
  await app.register(websocket, { options: { handleProtocols: () => 'bearer', maxPayload: 64 * 1024 } })

  /** Before the upgrade, so that a refusal is an answer of HTTP: CORS does not apply to WebSockets. */
  async function enter(request: FastifyRequest): Promise<void> {
    if (request.headers.origin !== undefined && request.headers.origin !== origin) {
      throw Object.assign(new Error('This origin may not connect'), { statusCode: 403 })
    }
    request.user = await app.sessions.verify(tokenOf(request))
  }

  /** Asks what the process knows anyway: with `revocation.mode: 'feed'` no store is troubled. */
  function closeWhenOver(socket: WebSocket, token: string): void {
    const check = setInterval(async () => {
      try {
        await app.sessions.verify(token)
      } catch (error) {
        const { statusCode, code } = error as { statusCode?: number; code?: string }
        // A store that does not answer (503) is no reason to hang up.
        if (statusCode === 401) socket.close(UNAUTHORIZED, code)
      }
    }, CHECK_MS)
    socket.once('close', () => clearInterval(check))
  }

  app.get('/echo', { websocket: true, preValidation: enter }, (socket, request) => {
    closeWhenOver(socket, tokenOf(request))
    socket.on('message', (data) => socket.send(`${request.user?.sub}: ${data}`))
  })
  return app
}

await serveIfStarted(import.meta.url, buildWebsocket)

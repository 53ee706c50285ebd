// A WebSocket that closes when its access token expires or its session is revoked.
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import refreshToken from 'fastify-refresh-token'
import type { WebSocket } from 'ws'
import { credentialsSchema, login } from '../users.js'
import { type RecipeOptions, serveIfStarted } from './recipe.js'

/** Close code that a client handles like a 401: refresh and connect again, or log in. */
export const UNAUTHORIZED = 4401
const CHECK_MS = 1000

/**
 * Reads the access token of `new WebSocket(url, ['bearer', accessToken])`. A page cannot set headers for a WebSocket, and
 * a token in the URL would appear in logs.
 */
function readToken({ headers }: FastifyRequest): string {
  const [scheme, token = ''] = (headers['sec-websocket-protocol'] ?? '').split(',').map((part) => part.trim())
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
  // The response contains only the name of the scheme, because it must not contain the token.
  await app.register(websocket, { options: { handleProtocols: () => 'bearer', maxPayload: 64 * 1024 } })

  /** Runs before the upgrade, so that a rejection is an HTTP response. Checks the origin, because CORS does not apply. */
  async function authenticate(request: FastifyRequest): Promise<void> {
    if (request.headers.origin !== undefined && request.headers.origin !== origin) {
      throw Object.assign(new Error('Connections from this origin are not allowed'), { statusCode: 403 })
    }
    request.user = await app.sessions.verify(readToken(request))
  }

  /** Checks the token repeatedly. With `revocation.mode: 'feed'` this causes no call to the store. */
  function closeWhenInvalid(socket: WebSocket, token: string): void {
    const check = setInterval(async () => {
      try {
        await app.sessions.verify(token)
      } catch (error) {
        const { statusCode, code } = error as { statusCode?: number; code?: string }
        // An unavailable store (503) does not close the connection.
        if (statusCode === 401) socket.close(UNAUTHORIZED, code)
      }
    }, CHECK_MS)
    socket.once('close', () => clearInterval(check))
  }

  app.get('/echo', { websocket: true, preValidation: authenticate }, (socket, request) => {
    closeWhenInvalid(socket, readToken(request))
    socket.on('message', (data) => socket.send(`${request.user?.sub}: ${data}`))
  })
  return app
}

await serveIfStarted(import.meta.url, buildWebsocket)

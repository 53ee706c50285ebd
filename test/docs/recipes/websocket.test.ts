import { once } from 'node:events'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { buildWebsocket, UNAUTHORIZED } from '../../../examples/recipes/websocket.js'
import { listen, SECRET } from '../../support/build-app.js'
import { eventually } from '../../support/eventually.js'
import { mockTimers, pass, settle } from '../../support/timers.js'

const ORIGIN = 'https://app.example.com'
const ACCESS_TTL_MS = 5 * 60 * 1000

async function open(t: Test) {
  mockTimers(t, { apis: ['setInterval', 'Date'], now: Date.now() })
  const app = await buildWebsocket({ secret: SECRET }, ORIGIN)
  t.after(async () => {
    await app.close()
    // The mocked timers must stay until the app has cleared its own.
    await eventually(() => app.websocketServer.clients.size === 0)
  })
  await app.ready()
  const url = `${(await listen(app)).replace('http', 'ws')}/echo`
  const { accessToken, session } = await app.sessions.create({ sub: 'user-1' })

  const connect = (token: string, headers = { origin: ORIGIN }) => {
    const socket = new WebSocket(url, ['bearer', token], { headers })
    t.after(() => socket.terminate())
    return socket
  }
  const enter = async () => {
    const socket = connect(accessToken)
    await once(socket, 'open')
    return socket
  }
  const echo = async (socket: WebSocket, text: string) => {
    socket.send(text)
    return String((await once(socket, 'message'))[0])
  }
  return { app, connect, enter, echo, accessToken, session }
}

/** Returns the status with which a connection was rejected. */
async function rejectionStatus(socket: WebSocket): Promise<number | undefined> {
  const [, response] = await once(socket, 'unexpected-response')
  socket.on('error', () => {})
  return response.statusCode
}

t.test('a valid token opens a connection, and the response does not contain the token', async (t) => {
  const { enter, echo } = await open(t)
  const socket = await enter()
  t.equal(socket.protocol, 'bearer')
  t.equal(await echo(socket, 'hello'), 'user-1: hello')
})

t.test('an invalid token, no token, and another origin are rejected', async (t) => {
  const { connect, accessToken } = await open(t)
  t.equal(await rejectionStatus(connect(accessToken.slice(0, -4))), 401)
  t.equal(await rejectionStatus(connect('none')), 401)
  t.equal(await rejectionStatus(connect(accessToken, { origin: 'https://evil.example' })), 403)
})

t.test('the connection closes when its token expires', async (t) => {
  const { enter, echo } = await open(t)
  const socket = await enter()
  const closed = once(socket, 'close')
  await pass(ACCESS_TTL_MS - 2000)
  t.equal(await echo(socket, 'still here'), 'user-1: still here')

  await pass(3000)
  const [code, reason] = await closed
  t.equal(code, UNAUTHORIZED)
  t.equal(String(reason), 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
})

t.test('the connection closes within a second after its session is revoked', async (t) => {
  const { app, enter, session } = await open(t)
  const closed = once(await enter(), 'close')
  await app.sessions.revoke(session.sid)
  await pass(1000)

  const [code, reason] = await closed
  t.equal(code, UNAUTHORIZED)
  t.equal(String(reason), 'FRT_ERR_SESSION_REVOKED')
})

t.test('a closed connection is not checked any more', async (t) => {
  const { app, enter } = await open(t)
  const { verify } = app.sessions
  let checks = 0
  app.sessions.verify = (token) => {
    checks++
    return verify(token)
  }
  const socket = await enter()
  await pass(1000)
  const before = checks
  t.ok(before > 0)

  const [client] = app.websocketServer.clients
  socket.close()
  await once(client!, 'close')
  await settle()
  await pass(5000)
  t.equal(checks, before)
})

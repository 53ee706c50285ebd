import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { TokenResponse } from '../../lib/index.js'
import { buildApp, listen } from '../support/build-app.js'

async function socketPath(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'frt-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'app.sock')
}

/** Sends a request without a body, or with a JSON body. */
async function post(options: object, body?: object): Promise<[status: number | undefined, TokenResponse]> {
  const headers = { 'user-agent': 'curl', ...(body && { 'content-type': 'application/json' }) }
  const sent = request({ method: 'POST', headers, ...options })
  sent.end(body && JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return [response.statusCode, (await json(response)) as TokenResponse]
}

for (const trustProxy of [false, 'loopback', true]) {
  t.test(`login and refresh work over a Unix socket with trustProxy ${trustProxy}`, async (t) => {
    const { app } = await buildApp(t, { server: { trustProxy }, options: { transport: 'body' } })
    const path = await socketPath(t)
    app.server.listen(path)
    await once(app.server, 'listening')

    const [status, { refresh_token }] = await post({ socketPath: path, path: '/auth/login' }, { sub: 'ada' })
    t.equal(status, 200)
    const [refreshed] = await post({ socketPath: path, path: '/auth/refresh' }, { refresh_token })
    t.equal(refreshed, 200)
    t.strictSame((await app.sessions.list('ada'))[0]?.metadata, { user_agent: 'curl' })
  })
}

t.test('a login whose client is gone creates a session without an IP address', async (t) => {
  let onLogin = () => {}
  const created = new Promise<void>((resolve) => {
    onLogin = resolve
  })
  const { app } = await buildApp(t, {
    // The log line of Fastify would read the address before the client is gone, and Node.js would remember it.
    server: { disableRequestLogging: true },
    options: {
      login({ raw }) {
        raw.socket.destroy()
        return { sub: 'ada' }
      },
      onLogin: () => onLogin()
    }
  })
  const { port } = new URL(await listen(app))
  await t.rejects(post({ host: '127.0.0.1', port, path: '/auth/login' }))
  await created
  t.strictSame((await app.sessions.list('ada'))[0]?.metadata, { user_agent: 'curl' })
})

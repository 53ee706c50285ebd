import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { type OutgoingHttpHeaders, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from '../support/build-app.js'
import { startNginx } from '../support/nginx.js'
import { blocksIn } from './code-blocks/blocks.js'

// docs/guides/nginx.md: a real nginx with the configuration of the page, in front of the app of the page.

const blocks = (await blocksIn('docs/guides/nginx.md')).filter(({ language }) => language === 'nginx')
const [configuration = '', withoutPrefix = ''] = blocks.map(({ code }) => code.trim())
const HOST = 'app.example.com'

// A short path, because that of a unix socket may have about 100 bytes.
const folder = await mkdtemp(join(tmpdir(), 'frt-'))
t.after(() => rm(folder, { recursive: true, force: true }))
await promisify(execFile)('openssl', [
  ...[
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${HOST}`
  ],
  ...['-keyout', `${folder}/${HOST}.key`, '-out', `${folder}/${HOST}.crt`]
])

interface Setup {
  text?: string
  prefix?: string
}

/** The app behind nginx, and a client of both ports. */
async function start(t: Test, { text = configuration, prefix = '/api' }: Setup = {}) {
  const socket = join(folder, `${t.name.replaceAll(/\W+/g, '-').slice(0, 30)}.sock`)
  const app = Fastify({ trustProxy: true } satisfies FastifyServerOptions)
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    login: () => ({ sub: 'ada' }),
    routes: { prefix: `${prefix}/auth` }
  })
  app.get(`${prefix}/seen`, async ({ ip, host, protocol }) => ({ ip, host, protocol }))
  await app.listen({ path: socket })

  const { port, httpPort } = await startNginx(t, (ports) =>
    text
      .replace('listen 80', `listen 127.0.0.1:${ports.httpPort}`)
      .replace('listen 443', `listen 127.0.0.1:${ports.port}`)
      .replace('/run/my-app/app.sock', socket)
      .replaceAll('/etc/ssl', folder)
  )
  const origin = `https://${HOST}:${port}`
  const call = (method: string, path: string, headers: OutgoingHttpHeaders = {}) =>
    send(port, { method, path, headers: { host: `${HOST}:${port}`, ...headers } })
  return { origin, port, httpPort, call }
}

interface Answer {
  status: number | undefined
  headers: OutgoingHttpHeaders
  body: string
}

function send(
  port: number,
  options: { method: string; path: string; headers: OutgoingHttpHeaders },
  isTls = true
): Promise<Answer> {
  const settings = { ...options, port, host: '127.0.0.1', agent: false, rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const request = (isTls ? requestHttps : requestHttp)(settings, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    request.on('error', reject)
    request.end()
  })
}

const FORGED = { 'x-forwarded-host': 'evil.example', 'x-forwarded-for': '203.0.113.1' }

t.test('the app behind nginx', async (t) => {
  const { origin, port, httpPort, call } = await start(t)

  await t.test('sees the public host, protocol and address', async (t) => {
    const seen = { ip: '127.0.0.1', host: `${HOST}:${port}`, protocol: 'https' }
    t.same(JSON.parse((await call('GET', '/api/seen')).body), seen)
    t.same(JSON.parse((await call('GET', '/api/seen', FORGED)).body), seen, 'forged headers change nothing')
  })

  await t.test('logs in and refreshes', async (t) => {
    const login = await call('POST', '/api/auth/login', { origin })
    t.equal(login.status, 200, login.body)
    const [cookie = ''] = login.headers['set-cookie'] as string[]
    t.match(cookie, /^__Host-refresh_token=.*; Secure/)
    const refresh = await call('POST', '/api/auth/refresh', { origin, cookie: cookie.split(';')[0] })
    t.equal(refresh.status, 200, refresh.body)
  })

  await t.test('rejects another origin, and a forged host with it', async (t) => {
    const evil = { origin: 'https://evil.example' }
    t.equal((await call('POST', '/api/auth/login', evil)).status, 403)
    t.equal((await call('POST', '/api/auth/login', { ...evil, ...FORGED })).status, 403)
  })

  await t.test('is not reachable over http', async (t) => {
    const options = { method: 'POST', path: '/api/auth/login', headers: { host: HOST } }
    const { status, headers } = await send(httpPort, options, false)
    t.equal(status, 301)
    t.equal(headers.location, `https://${HOST}/api/auth/login`)
  })
})

t.test('without the lines for X-Forwarded-*, a forged host and address pass', async (t) => {
  const text = configuration
    .replace(/.*X-Forwarded-Host.*\n/, '')
    .replace('$remote_addr', '$proxy_add_x_forwarded_for')
  const { call } = await start(t, { text })
  const evil = { origin: 'https://evil.example', ...FORGED }
  t.equal((await call('POST', '/api/auth/login', evil)).status, 200)
  t.match(JSON.parse((await call('GET', '/api/seen', FORGED)).body), { ip: '203.0.113.1' })
})

t.test('with the prefix removed by nginx', async (t) => {
  const text = configuration.replace('proxy_pass http://my-app;', withoutPrefix)
  const { origin, call } = await start(t, { text, prefix: '' })
  t.equal((await call('POST', '/api/auth/login', { origin })).status, 200)
})

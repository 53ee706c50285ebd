import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { Client } from '../support/client.js'
import { startConfigured, startLoneSentinel } from '../support/configured-redis.js'
import { eventually } from '../support/eventually.js'
import { startLiveApp } from '../support/live-app.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { REPLICATION } from '../support/topologies.js'
import { type Block, blocksIn } from './code-blocks/blocks.js'
import { runShell, writeFiles } from './code-blocks/run.js'

// docs/guides/redis.md, as it is written: its commands make the users, its certificate and configuration the server.

const PAGE = 'docs/guides/redis.md'
const page = await readFile(PAGE, 'utf8')
const blocks = await blocksIn(PAGE)
const USER = { username: 'sessions', password: 'a long random password' }

t.test('a user with the permissions of the page, and no other, is enough', async (t) => {
  t.test('for one Redis and its replica, and none is superfluous', async (t) => {
    const server = await startRedis(t, REPLICATION)
    const replica = await startRedis(t, [...REPLICATION, '--replicaof', '127.0.0.1', String(server.port)])
    const admin = server.client()
    await eventually(async () => (await admin.info('replication')).includes('state=online'))
    await permit(t, admin, server, '`durability.replicas`')

    await liveAWholeLife(t, () => server.client(USER), { durability: { replicas: 1 } })
    await eventually(async () => (await replica.client().dbsize()) === (await admin.dbsize()))
    t.same(await refusals(admin), [])
    t.same(await superfluous(admin), [])
  })

  t.test('for a Cluster', async (t) => {
    const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
    const admin = server.client()
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
    await eventually(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    await permit(t, admin, server, 'a Cluster')

    const nodes = [{ host: '127.0.0.1', port: server.port }]
    await liveAWholeLife(t, () => owned(t, new Cluster(nodes, { redisOptions: USER })))
    t.same(await refusals(admin), [])
    t.same(await superfluous(admin), ['asking', 'readonly'], 'for replicas, and slots that move')
  })

  t.test('for a Redis behind a Sentinel', async (t) => {
    const server = await startRedis(t)
    const admin = server.client()
    const sentinel = await startLoneSentinel(t, server, t.testdir())
    await permit(t, admin, server)
    const watch = sentinel.client()
    await run(t, commandWith('-p 26379'), { redis: server.port, sentinel: sentinel.port })
    await watch.call('ACL', 'SETUSER', 'default', 'resetpass', '>for nobody')

    await liveAWholeLife(t, () =>
      owned(
        t,
        new Redis({
          ...USER,
          name: 'main',
          sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
          sentinelUsername: USER.username,
          sentinelPassword: USER.password,
          failoverDetector: true
        })
      )
    )
    t.same(await refusals(admin), [])
    t.same(await refusals(watch), [])
  })

  t.test('for nothing else', async (t) => {
    const server = await startRedis(t)
    await permit(t, server.client(), server)
    const redis = server.client(USER)
    const calls = [
      ['FLUSHDB'],
      ['KEYS', '*'],
      ['CONFIG', 'GET', '*'],
      ['GET', 'cache:1'],
      ['EVAL', "return redis.call('GET', 'cache:1')", '0'],
      ['EVAL', "return redis.call('INCR', KEYS[1])", '1', 'frt:1'],
      ['PUBLISH', 'frt:', 'word']
    ] as const
    for (const [command, ...args] of calls) {
      await t.rejects(redis.call(command, ...args), /NOPERM|ACL failure|can't/, `${command} ${args}`)
    }
  })
})

t.test('over TLS, with the certificate and the configuration of the page', async (t) => {
  const folder = await writeFiles(t, [])
  const problem = await runShell(commandWith('openssl'), folder, { redis: 0, sentinel: 0 })
  t.equal(problem, undefined)
  const conf = blocks.find(({ code }) => code.includes('tls-port'))
  const server = await startConfigured(t, conf?.code ?? '', folder)
  await permit(t, server.client(), server)
  const ca = await readFile(join(folder, 'redis.crt'))

  await liveAWholeLife(t, () =>
    owned(t, new Redis(`rediss://localhost:${server.tlsPort}`, { ...USER, tls: { ca } }))
  )
  t.ok(server.tlsPort > 0)
  const stranger = owned(
    t,
    new Redis(`rediss://localhost:${server.tlsPort}`, { ...USER, maxRetriesPerRequest: 0 })
  )
  await t.rejects(stranger.ping(), 'who does not know the certificate')
})

/** Everything that the plugin does, in two processes of one app. */
async function liveAWholeLife(
  t: Test,
  connect: () => Redis | Cluster,
  options: Partial<FastifyRefreshTokenOptions> = {}
): Promise<void> {
  const settings = {
    refreshToken: { grace: 0, untilConfirmed: false },
    session: { maxPerUser: 2 },
    ...options
  }
  const { app } = await startLiveApp(t, { redis: connect(), ...settings })
  // Its sessions live longer, so that a refresh there moves the end of the key.
  const { app: other } = await startLiveApp(t, {
    redis: connect(),
    ...settings,
    refreshToken: { ...settings.refreshToken, ttl: '15d' }
  })
  const ok = (response: { statusCode: number; body: string }, status = 200) =>
    t.equal(response.statusCode, status, response.body)

  const ada = new Client(app)
  ok(await ada.login({ sub: 'ada', claims: { roles: ['admin'] } }))
  ok(await ada.call())
  const stolen = ada.copy()
  ok(await ada.refresh())
  ok(await ada.call())
  ok(await ada.login({ sub: 'ada' }))
  for (const sub of ['ada', 'ada']) ok(await new Client(app).login({ sub }))
  ok(await ada.login({ sub: 'ada' }))
  const headers = ada.accessHeaders()
  const { sessions } = (await app.inject({ url: '/auth/sessions', headers })).json()
  t.equal(sessions.length, 2)
  const device = sessions.find(({ current }: { current: boolean }) => !current)
  ok(await app.inject({ method: 'DELETE', url: `/auth/sessions/${device.id}`, headers }))
  t.ok(await app.sessions.get(sessions.find(({ current }: { current: boolean }) => current).id))
  ok(await ada.login({ sub: 'ada' }))
  ok(await app.inject({ method: 'POST', url: '/auth/logout-all', headers: ada.accessHeaders() }))
  ok(await stolen.refresh(), 401)

  const grace = new Client(app)
  ok(await grace.login({ sub: 'grace' }))
  const victim = grace.copy()
  ok(await grace.refresh())
  t.equal((await victim.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')

  const edsger = new Client(app)
  ok(await edsger.login({ sub: 'edsger' }))
  const elsewhere = new Client(other, {}, edsger.jar.copy())
  ok(await elsewhere.refresh())
  edsger.jar.refreshToken = elsewhere.jar.refreshToken
  ok(await edsger.logout())
  await eventually(async () => (await elsewhere.call()).json().code === 'FRT_ERR_SESSION_REVOKED')
  await app.close()
  await other.close()
}

/** Makes the user of the page, with what it adds for a case. */
async function permit(t: Test, admin: Redis, server: RedisServer, what?: string): Promise<void> {
  await run(t, commandWith('~frt:*'), { redis: server.port, sentinel: 0 })
  await admin.call('ACL', 'SETUSER', USER.username, ...(what ? additions(what) : []))
  await admin.call('ACL', 'LOG', 'RESET')
  await admin.config('RESETSTAT')
}

async function run(t: Test, code: string, ports: { redis: number; sentinel: number }): Promise<void> {
  t.equal(await runShell(code, await writeFiles(t, []), ports), undefined)
}

function commandWith(text: string): string {
  const block = blocks.find(({ code, language }: Block) => language === 'sh' && code.includes(text))
  if (!block) throw new Error(`${PAGE} has no command with ${text}`)
  return block.code
}

/** From the table of what needs more. */
function additions(what: string): string[] {
  const cell = page.split('\n').find((line) => line.startsWith(`| ${what} |`)) ?? ''
  return [...cell.matchAll(/\+[\w\\|]+/g)].map(([rule]) => rule.replaceAll('\\', ''))
}

/** What was refused; but for what tells a later Redis of the library's name. */
async function refusals(admin: Redis): Promise<unknown[]> {
  const entries = (await admin.call('ACL', 'LOG')) as string[][]
  return entries.map((entry) => entry[7]).filter((object) => object !== 'client|setinfo')
}

/** What was permitted and never called. */
async function superfluous(admin: Redis): Promise<string[]> {
  const stats = await admin.info('commandstats')
  const called = new Set([...stats.matchAll(/^cmdstat_([\w|]+)/gm)].map(([, name]) => name))
  const user = (await admin.call('ACL', 'GETUSER', USER.username)) as string[]
  const commands = user[user.indexOf('commands') + 1] ?? ''
  return [...commands.matchAll(/\+([\w|]+)/g)]
    .map(([, name]) => name as string)
    .filter((name) => !called.has(name))
    .sort()
}

function owned<C extends Redis | Cluster>(t: Test, client: C): C {
  client.on('error', () => {})
  t.after(() => client.disconnect())
  return client
}

import type { Redis } from 'ioredis'
import t from 'tap'
import { tagOf } from '../../../lib/tokens/session-id.js'
import { Client } from '../../support/client.js'
import { eventually } from '../../support/eventually.js'
import { createNodes, type Node } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

/** Adds an entry to the feed as a later release may do. Each entry contains the id of the previous one. */
async function add(redis: Redis, feed: string, revocation: object, ...others: string[]): Promise<void> {
  const [last] = await redis.xrevrange(feed, '+', '-', 'COUNT', 1)
  const fields = ['before', last?.[0] ?? '0-0', 'revocation', JSON.stringify(revocation)]
  await redis.xadd(feed, '*', ...fields, ...others)
}

async function login({ app }: Node, sub: string): Promise<{ client: Client; sid: string }> {
  const client = new Client(app)
  await client.login({ sub })
  return { client, sid: (await client.call()).json().sid }
}

const expiresAtMs = Date.now() + 3_600_000

t.test('an entry with unknown fields and reason revokes the session', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = createNodes(t)
  const node = await nodes.start(server.client())
  const ada = await login(node, 'ada')
  const bob = await login(node, 'bob')
  const revocation = { sids: [ada.sid], reason: 'expelled', expiresAtMs, by: 'an admin' }
  await add(redis, nodes.feed, revocation, 'release', '2')
  await eventually(async () => (await ada.client.call()).statusCode === 401)
  t.match((await ada.client.call()).json(), { code: 'FRT_ERR_SESSION_REVOKED' })
  t.match((await ada.client.refresh()).json(), { code: 'FRT_ERR_SESSION_REVOKED' })
  t.equal((await bob.client.call()).statusCode, 200)
  t.same(
    node.logs.filter(({ event }) => event === 'revocation_feed_gap'),
    []
  )
})

t.test('an unknown reason in the denylist revokes the session', async (t) => {
  const server = await startRedis(t)
  const redis = server.client()
  const nodes = createNodes(t, { revocation: { mode: 'store' } })
  const node = await nodes.start(server.client())
  const { client, sid } = await login(node, 'ada')
  const tag = tagOf('ada')
  await redis.set(`${nodes.keyPrefix}{${tag}}:b:${sid}`, 'expelled')
  const rejected = await client.refresh()
  t.equal(rejected.statusCode, 401)
  t.match(rejected.json(), { code: 'FRT_ERR_SESSION_REVOKED' })
  t.equal((await client.call()).statusCode, 401, 'the session is deleted')
})

for (const entry of [
  { subs: ['ada'], until: expiresAtMs },
  { sids: 'all', reason: 'logout', expiresAtMs },
  { sids: ['somebody'], reason: 7, expiresAtMs },
  { sids: ['somebody'], reason: 'logout' }
]) {
  t.test(`an unreadable entry counts as a gap: ${JSON.stringify(entry)}`, async (t) => {
    const server = await startRedis(t)
    const redis = server.client()
    const nodes = createNodes(t, { revocation: { staleAfter: '1s', onStale: 'deny' } })
    const node = await nodes.start(server.client())
    const { client } = await login(node, 'ada')
    await add(redis, nodes.feed, entry)
    await eventually(() => node.logs.some(({ event }) => event === 'revocation_feed_gap'))
    node.calls.length = 0
    t.equal((await client.call()).statusCode, 200)
    t.same(node.calls, ['has'], 'the guard queries the store')
    t.equal((await client.refresh()).statusCode, 200)

    const late = await login(node, 'bob')
    await add(redis, nodes.feed, { sids: [late.sid], reason: 'logout', expiresAtMs })
    await eventually(async () => (await late.client.call()).statusCode === 401)
  })
}

import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import t from 'tap'
import { fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from '../support/build-app.js'
import { startRedis } from '../support/redis-server.js'

// Each row of the table in docs/reference/lifetimes.md is registered, as it stands.

const page = await readFile('docs/reference/lifetimes.md', 'utf8')
const rows = [...page.matchAll(/^\| ([^|]+) \| (`'.*) \|$/gm)].map(([, kind = '', cells = '']) => ({
  kind,
  cells: cells.split(' | ').map((cell) => toValue(cell))
}))

t.test('the table has a row for each kind of app', async (t) => {
  t.equal(rows.length, 7)
})

for (const { kind, cells } of rows) {
  t.test(kind, async (t) => {
    const [accessTtl, ttl, grace, sessionTtl, remember, maxPerUser, revocation] = cells as never[]
    const redis = (await startRedis(t)).client()
    const app = Fastify()
    t.after(() => app.close())
    await app.register(fastifyRefreshToken, {
      secret: SECRET,
      redis,
      routes: { login: false },
      accessToken: { ttl: accessTtl },
      refreshToken: { ttl, grace },
      session: { ttl: sessionTtl, maxPerUser },
      revocation
    })
    await app.ready()
    const { session } = await app.sessions.create({ sub: 'ada', ...(remember !== undefined && { remember }) })
    t.ok(session.expiresAt <= session.absoluteExpiresAt)
  })
}

/** A cell of the table: an option's value, or words. */
function toValue(cell: string): unknown {
  const code = /^`(.+)`$/.exec(cell)?.[1]
  if (code === undefined) return undefined
  return JSON.parse(code.replaceAll("'", '"').replaceAll(/(\w+):/g, '"$1":'))
}

import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildCustomStore } from '../../../examples/recipes/custom-store.js'
import { JournalStore } from '../../../examples/recipes/journal-store.js'
import { SECRET } from '../../support/build-app.js'
import { Client } from '../../support/client.js'
import { Clock } from '../../support/clock.js'
import { conformance } from '../../support/conformance.js'

const GRACE_MS = 30_000

const folder = t.testdir({})
let files = 0
const newFile = () => join(folder, `sessions-${files++}`)

/** Starts the app. A second start with the same file is a restart. */
async function start(t: Test, file: string, jar?: Client['jar']) {
  const app = await buildCustomStore({ secret: SECRET }, file)
  t.after(() => app.close())
  return { app, client: new Client(app, {}, jar) }
}

async function logIn(t: Test) {
  const file = newFile()
  const clock = new Clock().mockDate(t)
  const { app, client } = await start(t, file)
  const tokens = await app.sessions.create({ sub: 'user-1' })
  Object.assign(client.jar, tokens)
  return { file, clock, app, client, sid: tokens.session.sid }
}

t.test('the store passes the conformance suite', (t) =>
  conformance(t, (now) => ({ store: new JournalStore(newFile(), { now }) }))
)

t.test('a restart keeps sessions, and reuse is detected after it', async (t) => {
  const { file, clock, client } = await logIn(t)
  const attacker = client.copy()
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await client.call()).statusCode, 200)

  const restarted = await start(t, file, client.jar)
  t.equal((await restarted.client.call()).statusCode, 200)
  clock.advance(4 * GRACE_MS)
  t.equal((await restarted.client.refresh()).statusCode, 200)

  const stolen = new Client(restarted.app, {}, attacker.jar)
  t.equal((await stolen.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
})

t.test('a revoked session stays revoked after a restart', async (t) => {
  const { file, client } = await logIn(t)
  const before = client.copy()
  await client.logout()
  const restarted = await start(t, file, before.jar)
  t.equal((await restarted.client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('an incomplete last line is removed', async (t) => {
  const { file, sid } = await logIn(t)
  const complete = await readFile(file, 'utf8')
  await appendFile(file, `[1,"revoke",["${sid}"`)
  const { app } = await start(t, file)
  t.equal(await readFile(file, 'utf8'), complete)
  t.ok(await app.sessions.get(sid))
})

t.test('the file contains no token', async (t) => {
  const { file, client } = await logIn(t)
  await client.refresh()
  const text = await readFile(file, 'utf8')
  t.notOk(text.includes(client.jar.refreshToken!.slice(40)))
  t.notOk(text.includes(client.jar.accessToken!.slice(-40)))
})

t.test('a write that fails causes a 503', async (t) => {
  const file = newFile()
  // A directory with this name makes every write fail, like a full disk.
  const { client } = await start(t, file)
  await mkdir(file)
  const response = await client.login({ username: 'ada', password: 'analytical engine' })
  t.equal(response.statusCode, 503)
  t.equal(response.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.same(response.cookies, [])
})

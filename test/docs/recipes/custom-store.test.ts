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

/** The app, as it is after a start. */
async function start(t: Test, file: string, jar?: Client['jar']) {
  const app = await buildCustomStore({ secret: SECRET }, file)
  t.after(() => app.close())
  return { app, client: new Client(app, {}, jar) }
}

async function begin(t: Test) {
  const file = newFile()
  const clock = new Clock().rule(t)
  const { app, client } = await start(t, file)
  const tokens = await app.sessions.create({ sub: 'user-1' })
  Object.assign(client.jar, tokens)
  return { file, clock, app, client, sid: tokens.session.sid }
}

t.test('it is a store as the plugin expects it', (t) =>
  conformance(t, (now) => ({ store: new JournalStore(newFile(), { now }) }))
)

t.test('a restart logs nobody out, and a stolen token is found out after it', async (t) => {
  const { file, clock, client } = await begin(t)
  const thief = client.copy()
  t.equal((await client.refresh()).statusCode, 200)
  t.equal((await client.call()).statusCode, 200)

  const restarted = await start(t, file, client.jar)
  t.equal((await restarted.client.call()).statusCode, 200)
  clock.advance(4 * GRACE_MS)
  t.equal((await restarted.client.refresh()).statusCode, 200)

  const stolen = new Client(restarted.app, {}, thief.jar)
  t.equal((await stolen.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
})

t.test('who logged out before the restart is out after it', async (t) => {
  const { file, client } = await begin(t)
  const before = client.copy()
  await client.logout()
  const restarted = await start(t, file, before.jar)
  t.equal((await restarted.client.refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
})

t.test('a process that ended in the middle of a line has not answered it', async (t) => {
  const { file, sid } = await begin(t)
  const whole = await readFile(file, 'utf8')
  await appendFile(file, `[1,"revoke",["${sid}"`)
  const { app } = await start(t, file)
  t.equal(await readFile(file, 'utf8'), whole)
  t.ok(await app.sessions.get(sid))
})

t.test('no token is in the file', async (t) => {
  const { file, client } = await begin(t)
  await client.refresh()
  const text = await readFile(file, 'utf8')
  t.notOk(text.includes(client.jar.refreshToken!.slice(40)))
  t.notOk(text.includes(client.jar.accessToken!.slice(-40)))
})

t.test('a disk that is full is a 503', async (t) => {
  const file = newFile()
  // As good as full: there is nothing to append to.
  const { client } = await start(t, file)
  await mkdir(file)
  const answer = await client.login({ username: 'ada', password: 'analytical engine' })
  t.equal(answer.statusCode, 503)
  t.equal(answer.json().code, 'FRT_ERR_STORE_UNAVAILABLE')
  t.same(answer.cookies, [])
})

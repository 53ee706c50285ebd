import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { blocksIn } from './code-blocks/blocks.js'
import { runToEnd, writeFiles } from './code-blocks/run.js'

// The rendering server of docs/reference/transports.md, from the page's own code: it gives the browser's cookie back, and what it
// calls on the browser's behalf proves nothing.

const codes = (await blocksIn('docs/reference/transports.md')).map(({ code }) => code)
const tokensFor = codes.find((code) => code.includes('async function tokensFor')) ?? ''
const register = codes.find((code) => code.includes('confirms:')) ?? ''

const ENV = { RENDERING_KEY: 'of the two servers' }

const PROGRAM = `
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import Fastify from 'fastify'
import refreshToken from 'fastify-refresh-token'

mock.timers.enable({ apis: ['Date'], now: Date.now() })
const app = Fastify()
const secret = 'for this test: any thirty-two bytes or more'
const login = () => ({ sub: 'ada' })
${register}
app.get('/me', { preHandler: app.authenticate }, async (request) => request.user.sub)
const api = await app.listen({ port: 3000 })
${tokensFor.replace("'http://api.internal:3000/auth/refresh'", `\`\${api}/auth/refresh\``)}

const cookieOf = (text) => text.split(';')[0]
const first = await fetch(api + '/auth/login', { method: 'POST' })
assert.match(first.headers.getSetCookie()[0], /SameSite=Lax/)
const page = { headers: { cookie: cookieOf(first.headers.getSetCookie()[0]) } }

async function render() {
  const sent = []
  const tokens = await tokensFor(page, { header: (name, value) => sent.push([name, value]) })
  const headers = { authorization: 'Bearer ' + tokens.access_token, ...forRendering }
  assert.equal(await (await fetch(api + '/me', { headers })).text(), 'ada')
  return sent
}

await render() // and the page is lost
mock.timers.tick(120_000)
const [[name, cookie]] = await render()
assert.equal(name, 'set-cookie')
assert.notEqual(cookieOf(cookie), page.headers.cookie)
page.headers.cookie = cookieOf(cookie)
assert.ok(await tokensFor(page, { header() {} }))
assert.equal(await tokensFor({ headers: {} }, { header() {} }), null)
await app.close()
`

t.test('a page that is lost on its way from the rendering server logs nobody out', async (t) => {
  const path = join(await writeFiles(t, []), 'rendering.mjs')
  await writeFile(path, PROGRAM)
  t.equal(await runToEnd(path, ENV), undefined)
})

t.test('it would, if its calls confirmed', async (t) => {
  const path = join(await writeFiles(t, []), 'rendering.mjs')
  await writeFile(path, PROGRAM.replace(/refreshToken: \{ confirms.*/, ''))
  t.match(await runToEnd(path, ENV), /Cannot read properties of null/)
})

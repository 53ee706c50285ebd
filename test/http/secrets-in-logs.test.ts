import { spawnSync } from 'node:child_process'
import t from 'tap'
import { SECRET } from '../support/build-app.js'

const PREAMBLE = `
  import Fastify from 'fastify'
  import { generateKeyPairSync } from 'node:crypto'
  import { fastifyRefreshToken } from './lib/index.js'
  import { createProof } from './lib/testing/index.js'
  const app = Fastify()
  await app.register(fastifyRefreshToken, {
    secret: '${SECRET}',
    login: (request) => (request.body.password ? { sub: 'ada' } : null)
  })
  let early = false
  app.addHook('onSend', async (request, reply) => {
    if (early) request.log.info(reply.getHeader('set-cookie'))
  })
  const post = (url, more) => app.inject({ method: 'POST', url, ...more })
  const login = () => post('/auth/login', { payload: { password: 'correct horse' } })
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const prove = () => createProof(key, { method: 'POST', url: 'http://localhost/auth/login' })
  const loginWith = (dpop) => post('/auth/login', { payload: { password: 'correct horse' }, headers: { dpop } })
  const refresh = (token) => post('/auth/refresh', { headers: { cookie: '__Host-refresh_token=' + token } })
`

/** Runs code like a test file, with the check for secrets in logs. Returns its exit status and stderr. */
function runTestFile(code: string): { status: number | null; stderr: string } {
  const imports = ['./scripts/ts-loader.mjs', './test/support/watch-logs.ts'].map(
    (name) => `--import=${name}`
  )
  const { status, stderr } = spawnSync(
    process.execPath,
    [...imports, '--input-type=module', '--eval', PREAMBLE + code],
    { encoding: 'utf8', timeout: 300_000, env: { ...process.env, NODE_V8_COVERAGE: '' } }
  )
  return { status, stderr }
}

t.test('a test file without secrets in its log passes', async (t) => {
  const { status, stderr } = runTestFile(`
    const { cookies } = await login()
    const refreshed = await refresh(cookies[0].value)
    await refresh(cookies[0].value + 'x')
    await loginWith(prove())
    await loginWith(prove() + 'x')
    app.log.error(new Error('the cookie ' + cookies[0].name + ' was rejected with ' + refreshed.statusCode))
  `)
  t.equal(status, 0, stderr)
})

/** One line of code for each kind of leak. */
const LEAKS: Record<string, string> = {
  'the refresh token of an answer': `app.log.trace(refreshToken)`,
  'a piece of it': `app.log.info({ at: refreshToken.slice(15, 36) })`,
  'the access token of an answer': `app.log.debug({ headers: accessToken })`,
  'the family secret, in another spelling': `app.log.warn(family.toString('hex'))`,
  'the family secret, after other bytes': `
    app.log.warn(Buffer.concat([Buffer.from('ada/'), family]).toString('base64'))`,
  'the bytes of anything': `app.log.warn({ family })`,
  'a token before it is sent': `
    early = true
    await login()
    early = false`,
  'a token that never is sent': `app.log.info(await app.sessions.create({ sub: 'ada' }))`,
  'a presented token': `
    const presented = Buffer.from(Array.from({ length: 69 }, (_, i) => (i * 37) % 251)).toString('base64url')
    await refresh(presented)
    app.log.error(new Error('cannot read ' + presented))`,
  'the end of the token of a bound session': `
    const [bound] = (await loginWith(prove())).cookies
    app.log.info(bound.value.slice(-40))`,
  'the claims of a proof': `
    const proof = prove()
    await loginWith(proof)
    app.log.info(proof.split('.')[1])`,
  'an invalid proof': `
    const invalid = prove().slice(0, -60)
    await loginWith(invalid)
    app.log.error(new Error('cannot read ' + invalid))`,
  'a password': `await login(); app.log.error(new Error('no user with correct horse'))`,
  'the secret': `app.log.error({ options: { secret: '${SECRET}' } })`,
  'a token on the console': `console.error(refreshToken)`,
  'a token in the log of an app that logs nothing so low': `
    Fastify({ logger: { level: 'fatal', stream: { write() {} } } }).log.trace(refreshToken)`
}

t.test('a test file with a secret in its log fails', async (t) => {
  const setUp = `
    const response = await login()
    const refreshToken = response.cookies[0].value
    const accessToken = response.json().access_token
    const family = Buffer.from(refreshToken, 'base64url').subarray(11, 27)
  `
  const { status, stderr } = runTestFile(
    setUp +
      Object.values(LEAKS)
        .map((code) => `{\n${code}\n}`)
        .join('\n')
  )
  t.equal(status, 1)
  const [, count, ...listed] = /(\d+) log lines contain a secret:\n(.*)/s.exec(stderr) ?? []
  const lines = listed.join('').split('\n').filter(Boolean)
  const names = Object.keys(LEAKS)
  t.equal(Number(count), names.length)
  t.equal(lines.length, names.length)
  for (const [i, name] of names.entries()) t.match(lines[i], '[secret]', name)
})

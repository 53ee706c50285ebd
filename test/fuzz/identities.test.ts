import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Identity } from '../../lib/index.js'
import { RESERVED_CLAIMS } from '../../lib/tokens/access-token.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore } from '../support/stores.js'
import { fuzz } from './fuzz.js'
import { checkResponse, codeOf } from './response-checks.js'
import { headerText, ODD_TEXTS, oddText } from './strings.js'

const MAX = { sub: 256, claims: 4096, metadata: 1024 }

const names = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('roles', 'name', 'scope', '0', 'é', 'e\u0301', ...ODD_TEXTS.slice(0, 30))
  },
  { weight: 1, arbitrary: fc.constantFrom(...RESERVED_CLAIMS) },
  { weight: 3, arbitrary: oddText }
)
const leaves = fc.oneof(
  oddText,
  fc.constantFrom(null, true, false, 0, -0, 1e308, 5e-324, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY),
  fc.double(),
  fc.constantFrom(new Date(0), { toJSON: () => 'x' }, [], {}, [[]], Object.create(null))
)
/** May have an own property named `__proto__`, as `JSON.parse` creates it. */
const objects = (depth: number): fc.Arbitrary<Record<string, unknown>> =>
  fc
    .array(
      fc.tuple(
        names,
        depth === 0 ? leaves : fc.oneof(leaves, objects(depth - 1), fc.array(leaves, { maxLength: 4 }))
      ),
      {
        maxLength: 5
      }
    )
    .map((entries) => {
      const object = {}
      for (const [name, value] of entries) {
        Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
      }
      return object
    })
const large = fc
  .tuple(fc.constantFrom('a', 'é', '"', '\0', '😀'), fc.integer({ min: 150, max: 4200 }))
  .map(([text, times]) => ({ large: text.repeat(times) }))
const members = fc.oneof(
  // A property `__proto__` at the top level is rejected: see test/fuzz/prototypes.test.ts.
  { weight: 4, arbitrary: objects(2).filter((object) => !Object.hasOwn(object, '__proto__')) },
  { weight: 1, arbitrary: large }
)

const identities = fc.record(
  { sub: oddText, claims: members, metadata: members, remember: fc.boolean() },
  { requiredKeys: ['sub'] }
)

/** Returns the value after a JSON round trip, or `undefined` if it is too large. */
function plain(value: object, maxBytes: number): Record<string, unknown> | undefined {
  const json = JSON.stringify(value)
  return json !== undefined && Buffer.byteLength(json) <= maxBytes ? JSON.parse(json) : undefined
}

function isValid({ sub: subject, claims = {}, metadata = {} }: Identity): boolean {
  const sub = String(subject)
  const size = Buffer.byteLength(sub)
  const [plainClaims, plainMetadata] = [plain(claims, MAX.claims), plain(metadata, MAX.metadata)]
  if (!plainClaims || !plainMetadata || size === 0 || size > MAX.sub || !sub.isWellFormed()) return false
  return !RESERVED_CLAIMS.some((name) => Object.hasOwn(plainClaims, name))
}

/** Returns the own properties after a JSON round trip, without an injected prototype. */
function ownProperties(value: object): unknown {
  return JSON.parse(JSON.stringify(value))
}

function checkPrototypes(value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  equal(Object.getPrototypeOf(value), Object.prototype, 'the prototype is Object.prototype')
  for (const each of Object.values(value)) checkPrototypes(each)
}

await eachStore(t, async (t, open) => {
  await t.test('claims and metadata of an identity are returned unchanged', async (t) => {
    const next: { identity: Identity } = { identity: { sub: 'ada' } }
    const seen: object[] = []
    const { app } = await buildApp(t, {
      under: open(t),
      server: { logger: false },
      options: { login: () => next.identity, session: { metadata: () => ({}), maxPerUser: 1 } },
      extend(app) {
        app.get('/seen', { preHandler: app.authenticate }, async (request) => {
          seen.push(request.user ?? {})
          return {}
        })
      }
    })

    await fuzz(t, identities, async (input) => {
      const identity = input as Identity
      next.identity = identity
      const client = new Client(app)
      const login = await client.login()
      checkResponse(login, { method: 'POST', url: '/auth/login' })
      equal(login.statusCode, isValid(identity) ? 200 : 500, login.body)
      if (!isValid(identity)) {
        equal(codeOf(login), 'FRT_ERR_INVALID_IDENTITY')
        return
      }
      const { sub } = identity
      const claims = plain(identity.claims ?? {}, MAX.claims)
      const metadata = plain(identity.metadata ?? {}, MAX.metadata)

      for (const step of ['login', 'refresh'] as const) {
        if (step === 'refresh') equal((await client.refresh()).statusCode, 200)
        equal((await client.call('/seen')).statusCode, 200, 'the access token is valid with any claims')
        const { sid, gen, iat, exp, auth_time, jti, ...others } = seen.pop() as Record<string, unknown>
        deepEqual(ownProperties(others), { sub, ...claims }, step)
        ok([gen, iat, exp, auth_time].every(Number.isInteger))
        equal(typeof jti, 'string')
        checkPrototypes(others)

        const session = await app.sessions.get(String(sid))
        equal(session?.sub, sub)
        deepEqual(ownProperties(session.claims), claims)
        deepEqual(ownProperties(session.metadata), metadata)
        checkPrototypes(session.claims)
        checkPrototypes(session.metadata)
        equal(session.remember, identity.remember ?? true)
      }
      const list = await app.inject({ url: '/auth/sessions', headers: client.accessHeaders() })
      deepEqual(
        list.json().sessions.map((each: { metadata: object }) => each.metadata),
        [metadata]
      )
      deepEqual(
        (await app.sessions.list(sub)).map((each) => each.sub),
        [sub]
      )
    })
    t.equal(Object.keys(Object.prototype).length, 0)
  })

  await t.test('the user agent is returned, truncated to 200 characters', async (t) => {
    const { app } = await buildApp(t, { under: open(t), server: { logger: false } })
    await fuzz(
      t,
      headerText(300),
      async (agent) => {
        const client = new Client(app)
        const request = { method: 'POST', url: '/auth/login' } as const
        const login = await app.inject({
          ...request,
          headers: { 'user-agent': agent },
          payload: { sub: 'ada' }
        })
        checkResponse(login, request)
        client.jar.store(login, client.options)
        const list = await app.inject({ url: '/auth/sessions', headers: client.accessHeaders() })
        const [{ metadata }] = list.json().sessions.filter(({ current }: { current: boolean }) => current)
        deepEqual(metadata, { ip: '127.0.0.1', ...(agent !== '' && { user_agent: agent.slice(0, 200) }) })
        await app.sessions.revokeAll('ada')
      },
      0.5
    )
  })

  await t.test('two spellings of a subject are two users', async (t) => {
    const { app } = await buildApp(t, { under: open(t), server: { logger: false } })
    const spell = fc.constantFrom<(text: string) => string>(
      (text) => text.normalize('NFC'),
      (text) => text.normalize('NFD'),
      (text) => text.normalize('NFKC'),
      (text) => text.toLowerCase(),
      (text) => text.toUpperCase(),
      (text) => `${text} `,
      (text) => `\ufeff${text}`,
      (text) => `${text}\0`
    )
    const subs = oddText.filter((text) => text !== '' && text.isWellFormed() && Buffer.byteLength(text) < 80)
    await fuzz(
      t,
      fc
        .tuple(subs, spell)
        .filter(([sub, spell]) => spell(sub) !== sub && Buffer.byteLength(spell(sub)) <= 256),
      async ([sub, spell]) => {
        const variant = spell(sub)
        await app.sessions.revokeAll(sub)
        await app.sessions.revokeAll(variant)
        const { session } = await app.sessions.create({ sub })
        deepEqual(await app.sessions.list(variant), [])
        equal(await app.sessions.revokeAll(variant), 0)
        equal((await app.sessions.get(session.sid))?.sub, sub)
      },
      0.5
    )
  })
})

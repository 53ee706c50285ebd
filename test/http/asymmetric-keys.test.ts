import { createHmac, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { AccessTokenKey, AccessTokenOptions } from '../../lib/index.js'
import { thumbprint } from '../../lib/tokens/keys/jwk.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import {
  GENERATE,
  KEY_ALGORITHMS,
  type KeyAlgorithm,
  type Pair,
  privatePem,
  publicPem
} from '../support/key-pairs.js'
import { openMemoryStore } from '../support/stores.js'

const invalid = { code: 'FRT_ERR_ACCESS_TOKEN_INVALID' }

/** Digest names of `node:crypto`. An ES256 signature is not in DER (RFC 7518, section 3.4). */
const DIGESTS = { EdDSA: null, ES256: 'sha256', RS256: 'sha256' } as const

/** Builds an app. Several apps share a store, so that a rejected token belongs to an active session. */
async function appWith(
  t: Test,
  accessToken: AccessTokenOptions,
  under = openMemoryStore()
): Promise<FastifyInstance> {
  return (await buildApp(t, { under, options: { accessToken } })).app
}

async function tokenOf(app: FastifyInstance): Promise<string> {
  return (await app.sessions.create({ sub: 'ada' })).accessToken
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function decode(part = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

function split(token: string): [head: string, payload: string, signature: string] {
  return token.split('.') as [string, string, string]
}

/** Signs a hand-made token. */
function signed(algorithm: KeyAlgorithm, { privateKey: key }: Pair, head: string, payload: string): string {
  const content = `${head}.${payload}`
  const options = { key, dsaEncoding: 'ieee-p1363' } as const
  return `${content}.${signBytes(DIGESTS[algorithm], Buffer.from(content), options).toString('base64url')}`
}

for (const algorithm of KEY_ALGORITHMS) {
  const pair = GENERATE[algorithm]()
  const other = GENERATE[algorithm]()

  t.test(`${algorithm}: from the login to a refresh`, async (t) => {
    const { app, advance } = await buildApp(t, {
      options: { accessToken: { algorithm, keys: [pair.privateKey] } }
    })
    const client = new Client(app)
    t.equal((await client.login()).statusCode, 200)
    t.equal((await client.call()).json().sub, 'ada')
    const { accessToken } = client.jar
    await advance(301_000)
    t.equal((await client.call()).json().code, 'FRT_ERR_ACCESS_TOKEN_EXPIRED')
    t.equal((await client.refresh()).statusCode, 200)
    t.not(client.jar.accessToken, accessToken)
    t.equal((await client.call()).json().gen, 2)
    t.equal((await client.logout()).statusCode, 200)
  })

  t.test(`${algorithm}: other servers verify with only the public key`, async (t) => {
    const app = await appWith(t, {
      algorithm,
      keys: [privatePem(pair)],
      issuer: 'https://me',
      audience: 'api'
    })
    const [head, payload, signature] = split(await tokenOf(app))
    const key = { key: publicPem(pair), dsaEncoding: 'ieee-p1363' } as const
    const bytes = Buffer.from(signature, 'base64url')
    t.ok(verifyBytes(DIGESTS[algorithm], Buffer.from(`${head}.${payload}`), key, bytes))
    t.equal(
      Buffer.from(head, 'base64url').toString(),
      `{"alg":"${algorithm}","typ":"at+jwt","kid":"${thumbprint(pair.publicKey)}"}`
    )
    t.match(decode(payload), { sub: 'ada', gen: 1, iss: 'https://me', aud: 'api' })
  })

  t.test(`${algorithm}: accepts a hand-made token with the valid key and header`, async (t) => {
    const app = await appWith(t, { algorithm, keys: [pair.privateKey] })
    const [head, payload] = split(await tokenOf(app))
    const { sub } = await app.sessions.verify(signed(algorithm, pair, head, payload))
    t.equal(sub, 'ada')
  })

  t.test(
    `${algorithm}: keys are rotated without rejecting tokens, with the public part of the old key`,
    async (t) => {
      const steps: [AccessTokenKey, ...AccessTokenKey[]][] = [
        [privatePem(pair)],
        [pair.privateKey, publicPem(other)],
        [other.privateKey, pair.publicKey.export({ format: 'jwk' })],
        [other.privateKey.export({ format: 'jwk' })]
      ]
      // One process for each step of the rotation.
      const under = openMemoryStore()
      const apps: FastifyInstance[] = []
      for (const keys of steps) apps.push(await appWith(t, { algorithm, keys }, under))
      const tokens = await Promise.all(apps.map(tokenOf))
      const accepted = async (step: number, token: number) => {
        try {
          return (await apps[step]?.sessions.verify(tokens[token] ?? ''))?.sub === 'ada'
        } catch (error) {
          t.has(error, invalid)
          return false
        }
      }
      const table: boolean[][] = []
      for (const step of apps.keys()) {
        table.push(await Promise.all(tokens.map((_, token) => accepted(step, token))))
      }
      t.same(table, [
        [true, true, false, false],
        [true, true, true, true],
        [true, true, true, true],
        [false, false, true, true]
      ])
    }
  )

  t.test(`${algorithm}: rejects a token of another key, and a changed token`, async (t) => {
    const app = await appWith(t, { algorithm, keys: [pair.privateKey, other.publicKey] })
    const [head, payload, signature] = split(await tokenOf(app))
    const headOf = (kid: string, more = {}) => encode({ alg: algorithm, typ: 'at+jwt', kid, ...more })
    const otherPair = GENERATE[algorithm]()
    const forged: Record<string, string> = {
      'another key with the kid of the app': signed(algorithm, otherPair, head, payload),
      'another key with its own kid': signed(
        algorithm,
        otherPair,
        headOf(thumbprint(otherPair.publicKey)),
        payload
      ),
      'another key in the header': signed(
        algorithm,
        otherPair,
        headOf(thumbprint(pair.publicKey), { jwk: otherPair.publicKey.export({ format: 'jwk' }) }),
        payload
      ),
      'one of our keys under the kid of the other': signed(
        algorithm,
        pair,
        headOf(thumbprint(other.publicKey)),
        payload
      ),
      'another type': signed(algorithm, pair, encode({ ...decode(head), typ: 'JWT' }), payload),
      'other claims': `${head}.${encode({ ...decode(payload), sub: 'root' })}.${signature}`,
      'no signature': `${head}.${payload}.`,
      'a signature of nothing': `${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
      'a signature that is cut': `${head}.${payload}.${signature.slice(0, -8)}`
    }
    for (const [name, token] of Object.entries(forged))
      await t.rejects(app.sessions.verify(token), invalid, name)
  })

  t.test(`${algorithm}: rejects a token that is signed with the public key as a secret`, async (t) => {
    const app = await appWith(t, { algorithm, keys: [pair.privateKey] })
    const [head, payload] = split(await tokenOf(app))
    const jwk = pair.publicKey.export({ format: 'jwk' })
    const secrets = [
      publicPem(pair),
      publicPem(pair).trim(),
      pair.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
      Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url')
    ]
    const heads = [head, ...['HS256', 'HS512', 'none'].map((alg) => encode({ ...decode(head), alg }))]
    for (const each of heads) {
      for (const secret of secrets) {
        const mac = createHmac('sha256', secret).update(`${each}.${payload}`).digest('base64url')
        await t.rejects(app.sessions.verify(`${each}.${payload}.${mac}`), invalid)
      }
      await t.rejects(app.sessions.verify(`${each}.${payload}.`), invalid)
    }
  })

  t.test(`${algorithm}: rejects a token of another algorithm with each kid`, async (t) => {
    const under = openMemoryStore()
    const app = await appWith(t, { algorithm, keys: [pair.privateKey] }, under)
    const { kid } = decode(split(await tokenOf(app))[0])
    await t.rejects(app.sessions.verify(await tokenOf(await appWith(t, {}, under))), invalid, 'HS256')
    for (const another of KEY_ALGORITHMS.filter((each) => each !== algorithm)) {
      const key = { ...GENERATE[another]().privateKey.export({ format: 'jwk' }), kid: String(kid) }
      const token = await tokenOf(await appWith(t, { algorithm: another, keys: [key] }, under))
      t.has(decode(split(token)[0]), { alg: another, kid })
      await t.rejects(app.sessions.verify(token), invalid, another)
    }
  })
}

t.test('a registration with HS256 rejects tokens of a key pair', async (t) => {
  const under = openMemoryStore()
  const keys = [GENERATE.EdDSA().privateKey]
  const token = await tokenOf(await appWith(t, { algorithm: 'EdDSA', keys }, under))
  await t.rejects((await appWith(t, {}, under)).sessions.verify(token), invalid)
})

t.test('a key for RS256 does not verify PS256 or RS512', async (t) => {
  const pair = GENERATE.RS256()
  const app = await appWith(t, { algorithm: 'RS256', keys: [pair.privateKey] })
  const [head, payload] = split(await tokenOf(app))
  for (const alg of ['RS512', 'PS256']) {
    const token = signed('RS256', pair, encode({ ...decode(head), alg }), payload)
    await t.rejects(app.sessions.verify(token), invalid, alg)
  }
})

t.test('refresh tokens stay valid after a change of the algorithm', async (t) => {
  const before = await buildApp(t)
  const client = new Client(before.app)
  await client.login()
  const { app } = await buildApp(t, {
    under: before,
    options: { accessToken: { algorithm: 'EdDSA', keys: [GENERATE.EdDSA().privateKey] } }
  })
  const later = new Client(app, {}, client.jar)
  t.equal((await later.call()).json().code, 'FRT_ERR_ACCESS_TOKEN_INVALID')
  t.equal((await later.refresh()).statusCode, 200)
  t.equal((await later.call()).statusCode, 200)
})

t.test('responses and logs contain no part of a key', async (t) => {
  const pair = GENERATE.EdDSA()
  const { app, rawLogs } = await buildApp(t, {
    options: { accessToken: { algorithm: 'EdDSA', keys: [privatePem(pair)] } }
  })
  const client = new Client(app)
  const { payload } = await client.login()
  client.jar.accessToken += 'x'
  const rejected = await client.call()
  t.equal(rejected.statusCode, 401)
  const { d = '' } = pair.privateKey.export({ format: 'jwk' })
  const body = privatePem(pair).split('\n')[1] ?? ''
  for (const text of [payload, rejected.payload, rawLogs()]) {
    t.notOk(text.includes(d) || text.includes(body))
  }
})

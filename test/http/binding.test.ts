import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import type { ProofKeyPair } from '../../lib/testing/index.js'
import { jktOf } from '../../lib/tokens/proof/create-proof.js'
import { type AppUnderTest, buildApp } from '../support/build-app.js'
import { Client, type ClientOptions } from '../support/client.js'
import { eachStore, type StoreUnderTest } from '../support/stores.js'

// Sessions that are bound to a key of the client: an attacker without the key gets nothing, and changes nothing.

const MINUTE = 60_000

const createKey = (): ProofKeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const own = createKey()
const other = createKey()

interface Bound extends AppUnderTest {
  client: Client
}

/** Builds an app, and a client that has logged in with a proof of its key. */
async function logIn(
  t: Test,
  under: StoreUnderTest,
  options: Partial<FastifyRefreshTokenOptions> = {},
  clientOptions: ClientOptions = {}
): Promise<Bound> {
  const built = await buildApp(t, { under, options })
  const client = new Client(built.app, { key: own, ...clientOptions })
  t.equal((await client.login()).statusCode, 200)
  return { ...built, client }
}

/** Returns a client with a copy of the tokens, and another key or none. */
function thief({ client }: Bound, key: ProofKeyPair | null): Client {
  return new Client(client.app, { ...client.options, key }, client.jar.copy())
}

await eachStore(t, async (t, open) => {
  t.test('a login with a proof binds the session, and each refresh needs a proof of the key', async (t) => {
    const bound = await logIn(t, open(t))
    const { app, client } = bound
    t.match(await app.sessions.list('ada'), [{ jkt: jktOf(own) }])
    t.match(client.jar.refreshToken, /^[\w-]{135}$/)
    for (let i = 0; i < 3; i++) {
      t.equal((await client.refresh()).statusCode, 200)
      t.equal((await client.call()).statusCode, 200)
      await bound.settled()
      await bound.advance(2 * MINUTE)
    }
    t.match(await app.sessions.list('ada'), [{ gen: 4, jkt: jktOf(own) }])
  })

  for (const [name, key, code] of [
    ['without a proof', null, 'FRT_ERR_PROOF_REQUIRED'],
    ['with a proof of another key', other, 'FRT_ERR_PROOF_KEY_MISMATCH']
  ] as const) {
    t.test(
      `a copied token ${name} is rejected, also when it is retired, and the user continues`,
      async (t) => {
        const bound = await logIn(t, open(t))
        const { app, client, settled, advance } = bound
        const attacker = thief(bound, key)
        for (let i = 0; i < 2; i++) {
          const response = await attacker.refresh()
          t.equal(response.statusCode, 401)
          t.equal(response.json().code, code)
          t.notOk(response.headers['set-cookie'])
          t.match(
            response.headers['www-authenticate'],
            /^DPoP realm="api", error="invalid_token".*algs="ES256"$/
          )
          t.equal((await client.refresh()).statusCode, 200)
          await client.call()
          await settled()
          await advance(30 * MINUTE)
        }
        t.equal((await attacker.logout()).statusCode, 401)
        t.match(await app.sessions.list('ada'), [{ gen: 3 }])
      }
    )
  }
})

import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore, type StoreUnderTest } from '../support/stores.js'

// A browser that is killed loses its last cookie. It restarts with the token before it.

const MINUTE = 60_000
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Logs in, refreshes and uses the access token. Then the browser is killed, and is closed for ten minutes. */
async function killBrowser(
  t: Test,
  under: StoreUnderTest,
  clientKey: typeof key | null,
  options: Partial<FastifyRefreshTokenOptions> = {}
) {
  const built = await buildApp(t, { under, options })
  const client = new Client(built.app, { key: clientKey })
  await client.login()
  const restarted = client.copy()
  await client.refresh()
  await client.call()
  await built.settled()
  await built.advance(10 * MINUTE)
  return { ...built, client, restarted }
}

await eachStore(t, async (t, open) => {
  t.test(
    'the session of a bound client continues, also after lost responses and in several tabs',
    async (t) => {
      const { restarted, advance, settled } = await killBrowser(t, open(t), key)
      t.equal((await restarted.loseResponse()).statusCode, 200)
      const tab = restarted.copy()
      t.equal((await restarted.refresh()).statusCode, 200)
      await advance(MINUTE)
      t.equal((await tab.refresh()).statusCode, 200, 'a tab that waited a minute')
      for (let i = 0; i < 3; i++) {
        t.equal((await restarted.call()).statusCode, 200)
        await settled()
        await advance(6 * MINUTE)
        t.equal((await restarted.refresh()).statusCode, 200)
      }
    }
  )

  t.test(
    'the first use of the new access token confirms again, so that the old token then counts as reuse',
    async (t) => {
      const { restarted, advance, settled } = await killBrowser(t, open(t), key)
      const old = restarted.copy()
      await restarted.refresh()
      await restarted.call()
      await settled()
      await advance(2 * MINUTE)
      t.equal((await old.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    }
  )

  t.test('reuse is detected if the browser was not killed, and another one has its key', async (t) => {
    const { client, restarted, logs } = await killBrowser(t, open(t), key)
    t.equal((await restarted.refresh()).statusCode, 200)
    t.equal((await client.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.match(
      logs.filter(({ event }) => event === 'refresh_token_reused'),
      [{ row: 5 }]
    )
    t.equal((await restarted.call()).statusCode, 401)
  })

  t.test('allowReplay can reject the old token', async (t) => {
    const refreshToken = { allowReplay: () => false }
    const { restarted } = await killBrowser(t, open(t), key, { refreshToken })
    t.equal((await restarted.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  })

  t.test('an unbound client is logged out, because the old token may be stolen', async (t) => {
    const { restarted } = await killBrowser(t, open(t), null)
    t.equal((await restarted.refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
  })
})

import t, { type Test } from 'tap'
import type { DurableWrite, FastifyRefreshTokenOptions, RevocationReason } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { openMemoryStore } from '../support/stores.js'

/** Builds an application whose store waits until writes are durable. */
async function startApp(t: Test, { of }: NonNullable<FastifyRefreshTokenOptions['durability']>) {
  const under = openMemoryStore()
  const waits: DurableWrite[] = []
  let result: RevocationReason | undefined
  const store = Object.assign(under.store, {
    async waitForReplicas(write: DurableWrite) {
      waits.push(write)
      return result
    }
  })
  const { app } = await buildApp(t, { under: { ...under, store }, options: { durability: { of } } })
  const setResult = (reason: RevocationReason) => {
    result = reason
  }
  return { app, waits, setResult }
}

t.test('a store of your own waits for the writes in durability.of', async (t) => {
  const { app, waits } = await startApp(t, { of: ['create', 'rotate', 'revoke'] })
  const client = new Client(app)
  await client.login()
  await client.refresh()
  await client.logout()
  const sid = String
  t.match(waits, [{ sid, gen: 1 }, { sid, gen: 2 }, { revoked: [sid] }])
})

t.test('a store of your own waits only for revocations by default', async (t) => {
  const { app, waits } = await startApp(t, { of: undefined })
  const client = new Client(app)
  await client.login()
  await client.refresh()
  t.same(waits, [])
  await client.logout()
  t.equal(waits.length, 1)
})

t.test('a session that is revoked while its request waits gives the reason', async (t) => {
  const { app, setResult } = await startApp(t, { of: ['create', 'rotate'] })
  const client = new Client(app)
  await client.login()
  setResult('logout')
  t.equal((await client.copy().refresh()).json().code, 'FRT_ERR_SESSION_REVOKED')
  t.equal((await new Client(app).login()).json().code, 'FRT_ERR_SESSION_REVOKED')
  setResult('reuse')
  t.equal((await client.copy().refresh()).json().code, 'FRT_ERR_REFRESH_TOKEN_REUSED')
})

import t from 'tap'
import type { RefreshEvent } from '../../lib/index.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { recordMessages } from '../support/diagnostics.js'
import { eachStore } from '../support/stores.js'

await eachStore(t, async (t, open) => {
  t.test('a refresh reports the metadata before and after', async (t) => {
    const events: RefreshEvent[] = []
    const messages = recordMessages(t, 'fastify-refresh-token:refresh')
    let country = 'IS'
    const { app } = await buildApp(t, {
      under: open(t),
      options: { session: { metadata: () => ({ country }) }, onRefresh: (event) => void events.push(event) }
    })
    const client = new Client(app)
    await client.login({ sub: 'ada', metadata: { device: 'phone' } })
    country = 'NO'
    const first = client.copy()
    await client.refresh()
    country = 'SE'
    await first.refresh()
    await app.sessions.refresh(client.jar.refreshToken as string)

    const [iceland, norway] = ['IS', 'NO'].map((country) => ({ country, device: 'phone' }))
    const expected = [
      { outcome: 'rotated', previousMetadata: iceland, metadata: norway },
      { outcome: 'replayed', previousMetadata: norway, metadata: norway },
      { outcome: 'replayed', previousMetadata: norway, metadata: norway }
    ]
    for (const reported of [events, messages]) {
      t.strictSame(
        reported.map(({ outcome, previousMetadata, metadata }) => ({ outcome, previousMetadata, metadata })),
        expected
      )
    }
  })
})

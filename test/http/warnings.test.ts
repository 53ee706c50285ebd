import t, { type Test } from 'tap'
import { type AppUnderTest, type BuildOptions, buildApp } from '../support/build-app.js'

/** Returns the warnings that the app logged until it was ready. */
async function warningsOf(t: Test, build: BuildOptions): Promise<unknown[]> {
  return messagesOf(await buildApp(t, build))
}

function messagesOf({ logs }: Pick<AppUnderTest, 'logs'>): unknown[] {
  return logs.filter(({ event }) => event === 'option_warning').map(({ msg }) => msg)
}

const TTLS: [ttl: number | string | undefined, days: string | undefined][] = [
  [900_000, '10.4'],
  ['900000', '10.4'],
  ['25h', '1.0'],
  ['1d', undefined],
  [undefined, undefined]
]

for (const [ttl, days] of TTLS) {
  t.test(`${days ? 'warns' : 'does not warn'} about the access token lifetime ${ttl}`, async (t) => {
    const warnings = await warningsOf(t, { options: { accessToken: { ttl } } })
    const warning = `option "accessToken.ttl" is long (${days} days); a number without a unit is in seconds`
    t.strictSame(warnings, days ? [warning] : [])
  })
}

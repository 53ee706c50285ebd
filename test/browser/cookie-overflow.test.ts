import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { inChromium, openProfile } from './support/browser.js'
import { openSite } from './support/site.js'
import { Tab } from './support/tab.js'

/** More than three times what Chromium keeps for all hosts of a domain. */
const COOKIES = 600
/** Chromium resolves each name below `localhost` to this machine, and permits `Secure` cookies without a certificate. */
const DOMAIN = 'site.localhost'
const NAME = '__Host-refresh_token'

/** Starts a sibling host that sets many cookies for the whole domain, and tries to set the refresh cookie. */
async function startSibling(t: Test, attributes: string): Promise<string> {
  const server = createServer((_request, response) => {
    for (let i = 0; i < COOKIES; i++) {
      response.appendHeader('set-cookie', `junk-${i}=x; Domain=${DOMAIN}; ${attributes}`)
    }
    response.appendHeader('set-cookie', `${NAME}=x; Domain=${DOMAIN}; Path=/; Secure`)
    response.end('done')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://evil.${DOMAIN}:${(server.address() as AddressInfo).port}`
}

inChromium(t, async (t, browser) => {
  for (const [attributes, survives] of [
    ['Secure', true],
    ['Secure; Priority=High', false]
  ] as const) {
    const effect = survives ? 'keeps' : 'removes'
    t.test(`a sibling domain with too many cookies (${attributes}) ${effect} the session`, async (t) => {
      const site = await openSite(t)
      const profile = await openProfile(t, browser)
      const origin = `http://app.${DOMAIN}:${new URL(site.origin).port}`
      const tab = await Tab.open(profile, origin)
      t.equal(await tab.login('ada'), 200)

      const evil = await profile.newPage()
      await evil.goto(await startSibling(t, attributes))
      const cookies = await profile.cookies()
      const junk = cookies.filter(({ name }) => name !== NAME)
      t.ok(junk.length > 0 && junk.length < COOKIES, `${junk.length} of ${COOKIES} cookies remain`)
      t.equal(
        cookies.length - junk.length,
        survives ? 1 : 0,
        'the sibling domain cannot set the refresh cookie'
      )

      await tab.page.reload()
      t.equal(await tab.restore(), survives)
      t.equal(site.requests.at(-1)?.code, survives ? undefined : 'FRT_ERR_NO_REFRESH_TOKEN')
      t.equal((await site.app.sessions.list('ada')).length, 1, 'no session is revoked')
    })
  }
})

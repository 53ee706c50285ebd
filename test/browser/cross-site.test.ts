import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.js'
import { ATTACKS, attack, startAttacker } from './support/attacker.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite } from './support/site.js'
import { Tab } from './support/tab.js'

/** The hosts of the page of the attacker. The site is on `localhost`. */
const ATTACKER_HOSTS = [
  { name: 'another port of the same host', host: 'localhost', site: 'same-site', sendsCookie: true },
  { name: 'another host', host: '127.0.0.1', site: 'cross-site', sendsCookie: false }
]

async function open(t: Test, browser: Browser, host: string) {
  const site = await openSite(t)
  const profile = await openProfile(t, browser)
  const tab = await Tab.open(profile, site.origin)
  const origin = `http://${host}:${await startAttacker(t)}`
  const page = await profile.newPage()
  /** Runs an attack in the same browser. */
  const runAttack = (attackName: string, route: string) =>
    attack(page, origin, attackName, `${site.origin}/auth/${route}`)
  return { site, profile, tab, runAttack }
}

inChromium(t, async (t, browser) => {
  for (const { name, host, site: fetchSite, sendsCookie } of ATTACKER_HOSTS) {
    t.test(`a page of ${name} cannot use or end a session`, async (t) => {
      const { site, profile, tab, runAttack } = await open(t, browser, host)
      await tab.login('ada')
      const cookies = await profile.cookies()
      const [session] = await site.app.sessions.list('ada')
      // The cooldown is over, so that another refresh would rotate.
      await tab.call()
      await site.settled()
      await site.advance(100_000)

      for (const route of ['refresh', 'logout', 'login']) {
        await t.test(`to ${route}`, async (t) => {
          for (const attackName of Object.keys(ATTACKS)) {
            site.requests.length = 0
            await runAttack(attackName, route)
            await eventually(() => site.requests.length > 0)
            for (const { method, status, code, ...sent } of site.requests) {
              const isPost = method === 'POST'
              t.equal(status, isPost ? 403 : 404, `${attackName}: ${method} is rejected`)
              if (isPost) t.equal(code, 'FRT_ERR_CROSS_ORIGIN', attackName)
              // The origin check rejects the request, not a missing cookie.
              if (isPost) t.match(sent, { site: fetchSite, hasCookie: sendsCookie }, attackName)
            }
            t.same(await profile.cookies(), cookies, `${attackName}: the cookie is unchanged`)
          }
        })
      }

      t.same(site.refreshes, [], 'no token was rotated or replayed')
      t.same(await site.app.sessions.list('ada'), [session])
      t.same(await site.app.sessions.list('mallory'), [])
      t.equal(await tab.call(), 'ada', 'the session continues')
      await tab.page.reload()
      t.equal(await tab.call(), 'ada', 'the session can be refreshed')
      t.same(await tab.ends(), [])
    })

    t.test(`a page of ${name} cannot log in`, async (t) => {
      const { site, profile, tab, runAttack } = await open(t, browser, host)
      for (const attackName of Object.keys(ATTACKS)) {
        await runAttack(attackName, 'login')
        t.same(await profile.cookies(), [], attackName)
      }
      t.same(await site.app.sessions.list('mallory'), [])
      await tab.page.reload()
      t.equal(await tab.restore(), false, 'no user is logged in')
    })
  }
})

import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.js'
import { ATTACKS, attack, startAttacker } from './support/attacker.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite } from './support/site.js'
import { Tab } from './support/tab.js'

/** Where the page of somebody else comes from, seen from that of the site, which is on `localhost`. */
const ELSEWHERE = [
  { name: 'another port of the same host', host: 'localhost', site: 'same-site', sendsCookie: true },
  { name: 'another host', host: '127.0.0.1', site: 'cross-site', sendsCookie: false }
]

async function open(t: Test, browser: Browser, host: string) {
  const site = await openSite(t)
  const profile = await openProfile(t, browser)
  const tab = await Tab.open(profile, site.origin)
  const origin = `http://${host}:${await startAttacker(t)}`
  const page = await profile.newPage()
  /** A page of somebody else tries it, in the same browser. */
  const tries = (way: string, route: string) => attack(page, origin, way, `${site.origin}/auth/${route}`)
  return { site, profile, tab, tries }
}

inChromium(t, async (t, browser) => {
  for (const { name, host, site: fetchSite, sendsCookie } of ELSEWHERE) {
    t.test(`a page of ${name} cannot touch a session`, async (t) => {
      const { site, profile, tab, tries } = await open(t, browser, host)
      await tab.login('ada')
      const cookies = await profile.cookies()
      const [session] = await site.app.sessions.list('ada')
      // Used, and past its grace: another refresh would rotate.
      await tab.call()
      await site.settled()
      await site.advance(100_000)

      for (const route of ['refresh', 'logout', 'login']) {
        await t.test(`to ${route}`, async (t) => {
          for (const way of Object.keys(ATTACKS)) {
            site.seen.length = 0
            await tries(way, route)
            await eventually(() => site.seen.length > 0)
            for (const { method, status, code, ...sent } of site.seen) {
              const isPost = method === 'POST'
              t.equal(status, isPost ? 403 : 404, `${way}: ${method} is refused`)
              if (isPost) t.equal(code, 'FRT_ERR_CROSS_ORIGIN', way)
              // What refuses is the check, not the lack of a cookie.
              if (isPost) t.match(sent, { site: fetchSite, hasCookie: sendsCookie }, way)
            }
            t.same(await profile.cookies(), cookies, `${way}: the cookie is as it was`)
          }
        })
      }

      t.same(site.refreshes, [], 'nothing was rotated or replayed')
      t.same(await site.app.sessions.list('ada'), [session])
      t.same(await site.app.sessions.list('mallory'), [])
      t.equal(await tab.call(), 'ada', 'the session lives')
      await tab.page.reload()
      t.equal(await tab.call(), 'ada', 'and is refreshed')
      t.same(await tab.ends(), [])
    })

    t.test(`a page of ${name} cannot log somebody in`, async (t) => {
      const { site, profile, tab, tries } = await open(t, browser, host)
      for (const way of Object.keys(ATTACKS)) {
        await tries(way, 'login')
        t.same(await profile.cookies(), [], way)
      }
      t.same(await site.app.sessions.list('mallory'), [])
      await tab.page.reload()
      t.equal(await tab.restore(), false, 'nobody is logged in')
    })
  }
})

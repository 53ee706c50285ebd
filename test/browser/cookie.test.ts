import t from 'tap'
import { eachStore } from '../support/stores.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite } from './support/site.js'
import { Tab } from './support/tab.js'

inChromium(t, (t, browser) =>
  eachStore(t, async (t, open) => {
    t.test('the cookie has the required attributes and is hidden from scripts', async (t) => {
      const site = await openSite(t, open(t))
      const profile = await openProfile(t, browser)
      const tab = await Tab.open(profile, site.origin)
      t.same(await profile.cookies(), [])

      t.equal(await tab.login('ada'), 200)
      const [cookie, ...others] = await profile.cookies()
      t.same(others, [])
      t.match(cookie, {
        name: '__Host-refresh_token',
        domain: 'localhost',
        path: '/',
        httpOnly: true,
        secure: true,
        sameSite: 'Strict'
      })
      t.same(await tab.visible(), { cookie: '', store: [], storage: 0 })

      await tab.logout()
      t.same(await profile.cookies(), [], 'the logout removes the cookie')
      t.equal(await tab.call(), 401)
    })

    t.test('a reloaded page restores the session', async (t) => {
      const site = await openSite(t, open(t))
      const profile = await openProfile(t, browser)
      const tab = await Tab.open(profile, site.origin)
      await tab.login('ada')
      await tab.call()
      await site.settled()
      await site.advance(300_000)
      const [before] = await profile.cookies()

      await tab.page.reload()
      t.equal(await tab.call(), 'ada')
      t.match(site.refreshes, [{ outcome: 'rotated', gen: 2 }])
      const [after] = await profile.cookies()
      t.not(after?.value, before?.value, 'the cookie has the next refresh token')

      await tab.page.reload()
      t.equal(await tab.call(), 'ada')
      t.same(await tab.ends(), [])
    })

    t.test('a page that is loaded after a logout has no session', async (t) => {
      const site = await openSite(t, open(t))
      const tab = await Tab.open(await openProfile(t, browser), site.origin)
      await tab.login('ada')
      await tab.logout()
      await tab.page.reload()
      t.equal(await tab.restore(), false)
    })
  })
)

import type { Page } from 'playwright-core'
import t from 'tap'
import { eventually } from '../support/eventually.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite, type Site } from './support/site.js'
import { openTabs, Tab } from './support/tab.js'
import { withTimeout } from './support/with-timeout.js'

const NAME = '__Host-refresh_token'
const EXPIRED_MS = 301_000

/** A page that calls the API when it loads, and loads again when the session ends, as after a redirect to a login page. */
const RELOADING_PAGE = `
import { createAuthFetch } from './client.js'
const auth = createAuthFetch({ baseUrl: location.origin, onSessionEnd: () => location.reload() })
auth.fetch('/me')
`

/** The codes of the refreshes, in their order. */
function codesOf({ requests }: Site): (string | undefined)[] {
  return requests.filter(({ path }) => path === '/auth/refresh').map(({ code }) => code)
}

/** Refreshes without the client, which would abort the request when another tab logs in. */
function refreshFrom(page: Page): Promise<number> {
  const call = "fetch('/auth/refresh', { method: 'POST' }).then(({ status }) => status)"
  return withTimeout(page.evaluate<number>(call), call)
}

inChromium(t, async (t, browser) => {
  t.test('the end of a session is reported by the next page load, and by no later one', async (t) => {
    const site = await openSite(t)
    const [tab] = await openTabs(await openProfile(t, browser), site.origin, 1)
    await site.app.sessions.revokeAll('ada')
    const ends: string[][] = []
    for (let i = 0; i < 3; i++) {
      await tab!.page.reload()
      t.equal(await tab!.restore(), false)
      ends.push(await tab!.ends())
    }
    t.same(ends, [['FRT_ERR_SESSION_REVOKED'], [], []])

    t.equal(await tab!.login('ada'), 200)
    t.equal(await tab!.call(), 'ada')
  })

  t.test('a page that loads again at the end of a session does not do it endlessly', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    await openTabs(profile, site.origin, 1)
    await site.app.sessions.revokeAll('ada')
    site.requests.length = 0
    const page = await profile.newPage()
    await page.route('**/tab.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body: RELOADING_PAGE })
    )
    await page.goto(site.origin)
    // The call of the second page, which is not logged in.
    const isDone = () => {
      const last = site.requests.findLastIndex(({ code }) => code === 'FRT_ERR_NO_REFRESH_TOKEN')
      return last !== -1 && site.requests.slice(last).some(({ path }) => path === '/me')
    }
    await eventually(isDone, 10_000)
    t.same(codesOf(site), ['FRT_ERR_SESSION_REVOKED', 'FRT_ERR_NO_REFRESH_TOKEN'])
  })

  t.test('a 401 that arrives after a login keeps the new cookie', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    const [tab] = await openTabs(profile, site.origin, 1)
    await site.app.sessions.revokeAll('ada')

    const held = site.hold('/auth/refresh')
    const late = refreshFrom(tab!.page)
    await eventually(() => held.waiting === 1)
    const other = await Tab.open(profile, site.origin)
    t.equal(await other.login('grace'), 200)
    const [before] = await profile.cookies()
    held.release()
    t.equal(await late, 401)

    const cookies = await profile.cookies()
    t.same(
      cookies.map(({ name }) => name).sort(),
      [NAME, `${NAME}-rejected`],
      'the 401 arrived, and its mark is there'
    )
    t.equal(cookies.find(({ name }) => name === NAME)?.value, before?.value)

    await site.settled()
    await site.advance(EXPIRED_MS)
    t.equal(await other.call(), 'grace', 'the new session is refreshed')
    await other.page.reload()
    t.equal(await other.call(), 'grace')
    t.same(await other.ends(), [])
  })
})

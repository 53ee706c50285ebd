import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.js'
import { eachStore, openMemoryStore, type StoreUnderTest } from '../support/stores.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite, type Site } from './support/site.js'
import { openTabs, type Tab } from './support/tab.js'

const EXPIRED_MS = 301_000
/** A browser opens no more connections to one host, for all its tabs together. */
const CONNECTIONS = 6

interface Setting {
  tabs: number
  under?: StoreUnderTest
  /** A browser that lacks what the tabs talk by. */
  without?: string
}

/** Tabs of one session, whose access tokens have all expired at the server, and nothing counted yet. */
async function expired(t: Test, browser: Browser, { tabs: count, under, without }: Setting) {
  const site = await openSite(t, under ?? openMemoryStore())
  const profile = await openProfile(t, browser)
  if (without) await profile.addInitScript(without)
  const tabs = await openTabs(profile, site.origin, count)
  await expire(site)
  return { site, profile, tabs }
}

async function expire(site: Site): Promise<void> {
  await site.settled()
  await site.advance(EXPIRED_MS)
  site.refreshes.length = 0
  site.seen.length = 0
}

/** All tabs call, and hear together that their token has expired. */
async function callAtOnce(site: Site, tabs: readonly Tab[]): Promise<unknown[]> {
  const refusals = site.hold('/me')
  const calls = Promise.all(tabs.map((tab) => tab.call()))
  await eventually(() => refusals.waiting === Math.min(tabs.length, CONNECTIONS), 10_000)
  refusals.release()
  return calls
}

function outcomesOf({ refreshes }: Site): string[] {
  return refreshes.map(({ outcome }) => outcome)
}

async function endsOf(tabs: readonly Tab[]): Promise<string[]> {
  return (await Promise.all(tabs.map((tab) => tab.ends()))).flat()
}

inChromium(t, async (t, browser) => {
  await t.test('tabs that need a refresh at once', (t) =>
    eachStore(t, async (t, open) => {
      for (const count of [2, 10]) {
        t.test(`${count} tabs: one refresh, one rotation`, async (t) => {
          const { site, tabs } = await expired(t, browser, { tabs: count, under: open(t) })
          t.same(await callAtOnce(site, tabs), Array(count).fill('ada'))
          t.same(outcomesOf(site), ['rotated'])
          t.same(await endsOf(tabs), [])
        })
      }
    })
  )

  for (const [name, without] of Object.entries({
    'without locks': "Object.defineProperty(navigator, 'locks', { value: undefined })",
    'without a channel': 'delete globalThis.BroadcastChannel',
    'without either':
      "Object.defineProperty(navigator, 'locks', { value: undefined }); delete globalThis.BroadcastChannel"
  })) {
    t.test(`ten tabs ${name}: one rotation, and nobody is logged out`, async (t) => {
      const { site, tabs } = await expired(t, browser, { tabs: 10, without })
      t.same(await callAtOnce(site, tabs), Array(10).fill('ada'))
      t.equal(outcomesOf(site).filter((outcome) => outcome === 'rotated').length, 1)
      t.same(await endsOf(tabs), [])

      await expire(site)
      t.same(await callAtOnce(site, tabs), Array(10).fill('ada'), 'the session goes on')
      t.same(await endsOf(tabs), [])
    })
  }

  t.test('a tab that is closed in the middle of a refresh leaves the others their session', async (t) => {
    const { site, profile, tabs } = await expired(t, browser, { tabs: 3 })
    const [closing, ...others] = tabs
    const [before] = await profile.cookies()
    const answers = site.hold('/auth/refresh')
    const lost = closing!.call().catch(() => 'lost')
    await eventually(() => answers.waiting === 1)
    const calls = Promise.all(others.map((tab) => tab.call()))
    await eventually(() => site.seen.filter(({ path }) => path === '/me').length === 3)

    await closing!.page.close()
    t.equal(await lost, 'lost')
    // Its lock goes with it: nobody waits for the five seconds after which they would go on without.
    await eventually(() => answers.waiting === 2, 4000)
    answers.release()
    t.same(await calls, ['ada', 'ada'])
    t.same(outcomesOf(site), ['rotated', 'replayed'], 'the answer that nobody got is sent once more')
    t.not((await profile.cookies())[0]?.value, before?.value)
    t.same(await endsOf(others), [])

    await expire(site)
    t.same(await callAtOnce(site, others), ['ada', 'ada'])
    t.same(outcomesOf(site), ['rotated'])
    t.same(await endsOf(others), [])
  })

  t.test('a logout in one tab ends the others, which are told so', async (t) => {
    const site = await openSite(t)
    const tabs = await openTabs(await openProfile(t, browser), site.origin, 3)
    site.seen.length = 0

    await tabs[1]!.logout()
    await eventually(async () => (await endsOf(tabs)).length === 3)
    t.same(await Promise.all(tabs.map((tab) => tab.ends())), [['logout'], ['logout'], ['logout']])
    t.same(
      site.seen.map(({ path }) => path),
      ['/auth/logout'],
      'by the channel: no other tab has asked the server'
    )
    t.same(await Promise.all(tabs.map((tab) => tab.call())), [401, 401, 401])
    t.same(await endsOf(tabs), ['logout', 'logout', 'logout'], 'once')
  })

  t.test('a page that is loaded again as soon as its session ends is logged out at the server', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    const [tab] = await openTabs(profile, site.origin, 1)
    const answers = site.hold('/auth/logout')
    await tab!.logoutAndReload()
    await eventually(() => answers.waiting === 1)
    answers.release()
    await eventually(async () => (await profile.cookies()).length === 0)
    t.equal(await tab!.restore(), false)
  })

  t.test('a login in one tab is that of the others', async (t) => {
    const site = await openSite(t)
    const tabs = await openTabs(await openProfile(t, browser), site.origin, 2)
    await tabs[0]!.logout()
    await eventually(async () => (await endsOf(tabs)).length === 2)
    await tabs[0]!.login('grace')
    await eventually(async () => (await tabs[1]!.call()) === 'grace')
    t.equal(await tabs[0]!.call(), 'grace')
  })
})

import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.js'
import { eachStore, openMemoryStore, type StoreUnderTest } from '../support/stores.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite, type Site } from './support/site.js'
import { openTabs, type Tab } from './support/tab.js'

const EXPIRED_MS = 301_000
/** The limit of connections to one host, for all tabs of a browser. */
const CONNECTIONS = 6

interface Setting {
  tabs: number
  under?: StoreUnderTest
  /** A script that removes features of the browser. */
  without?: string
}

/** Opens tabs of one session whose access tokens have expired on the server. */
async function openExpiredTabs(t: Test, browser: Browser, { tabs: count, under, without }: Setting) {
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
  site.requests.length = 0
}

/** Calls in all tabs, and releases the 401 responses at the same time. */
async function callAtOnce(site: Site, tabs: readonly Tab[]): Promise<unknown[]> {
  const rejections = site.hold('/me')
  const calls = Promise.all(tabs.map((tab) => tab.call()))
  await eventually(() => rejections.waiting === Math.min(tabs.length, CONNECTIONS), 10_000)
  rejections.release()
  return calls
}

function outcomesOf({ refreshes }: Site): string[] {
  return refreshes.map(({ outcome }) => outcome)
}

async function endsOf(tabs: readonly Tab[]): Promise<string[]> {
  return (await Promise.all(tabs.map((tab) => tab.ends()))).flat()
}

inChromium(t, async (t, browser) => {
  await t.test('tabs that refresh at the same time', (t) =>
    eachStore(t, async (t, open) => {
      for (const count of [2, 10]) {
        t.test(`${count} tabs cause one refresh and one rotation`, async (t) => {
          const { site, tabs } = await openExpiredTabs(t, browser, { tabs: count, under: open(t) })
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
    t.test(`ten tabs ${name} cause one rotation and stay logged in`, async (t) => {
      const { site, tabs } = await openExpiredTabs(t, browser, { tabs: 10, without })
      t.same(await callAtOnce(site, tabs), Array(10).fill('ada'))
      t.equal(outcomesOf(site).filter((outcome) => outcome === 'rotated').length, 1)
      t.same(await endsOf(tabs), [])

      await expire(site)
      t.same(await callAtOnce(site, tabs), Array(10).fill('ada'), 'the session continues')
      t.same(await endsOf(tabs), [])
    })
  }

  t.test('a tab that is closed during a refresh does not end the session of the others', async (t) => {
    const { site, profile, tabs } = await openExpiredTabs(t, browser, { tabs: 3 })
    const [closing, ...others] = tabs
    const [before] = await profile.cookies()
    const held = site.hold('/auth/refresh')
    const lost = closing!.call().catch(() => 'lost')
    await eventually(() => held.waiting === 1)
    const calls = Promise.all(others.map((tab) => tab.call()))
    await eventually(() => site.requests.filter(({ path }) => path === '/me').length === 3)

    await closing!.page.close()
    t.equal(await lost, 'lost')
    // The browser releases the lock of the closed tab, so that the others do not wait for the lock timeout.
    await eventually(() => held.waiting === 2)
    held.release()
    t.same(await calls, ['ada', 'ada'])
    t.same(outcomesOf(site), ['rotated', 'replayed'], 'the lost response is replayed')
    t.not((await profile.cookies())[0]?.value, before?.value)
    t.same(await endsOf(others), [])

    await expire(site)
    t.same(await callAtOnce(site, others), ['ada', 'ada'])
    t.same(outcomesOf(site), ['rotated'])
    t.same(await endsOf(others), [])
  })

  t.test('a logout in one tab ends the session in the others', async (t) => {
    const site = await openSite(t)
    const tabs = await openTabs(await openProfile(t, browser), site.origin, 3)
    site.requests.length = 0

    await tabs[1]!.logout()
    await eventually(async () => (await endsOf(tabs)).length === 3)
    t.same(await Promise.all(tabs.map((tab) => tab.ends())), [['logout'], ['logout'], ['logout']])
    t.same(
      site.requests.map(({ path }) => path),
      ['/auth/logout'],
      'the other tabs use the channel and send no request'
    )
    t.same(await Promise.all(tabs.map((tab) => tab.call())), [401, 401, 401])
    t.same(await endsOf(tabs), ['logout', 'logout', 'logout'], 'each tab is notified once')
  })

  t.test('a page that reloads in onSessionEnd is logged out on the server', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    const [tab] = await openTabs(profile, site.origin, 1)
    const held = site.hold('/auth/logout')
    await tab!.logoutAndReload()
    await eventually(() => held.waiting === 1)
    held.release()
    await eventually(async () => (await profile.cookies()).length === 0)
    t.equal(await tab!.restore(), false)
  })

  t.test('a login in one tab reaches the others', async (t) => {
    const site = await openSite(t)
    const tabs = await openTabs(await openProfile(t, browser), site.origin, 2)
    await tabs[0]!.logout()
    await eventually(async () => (await endsOf(tabs)).length === 2)
    await tabs[0]!.login('grace')
    await eventually(async () => (await tabs[1]!.call()) === 'grace')
    t.equal(await tabs[0]!.call(), 'grace')
  })
})

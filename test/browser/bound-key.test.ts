import type { Browser, BrowserContext } from 'playwright-core'
import t, { type Test } from 'tap'
import { inChromium, openProfile } from './support/browser.js'
import { evaluate } from './support/demo-page.js'
import { openSite, type Site } from './support/site.js'
import { Tab } from './support/tab.js'

const EXPIRED_MS = 301_000
const HOUR_MS = 3_600_000

const DELETE_DATABASE = `new Promise((resolve, reject) => {
  const request = indexedDB.deleteDatabase('fastify-refresh-token')
  request.onsuccess = () => resolve(true)
  request.onerror = request.onblocked = reject
})`

/** Returns all values of the database of the client. */
const STORED = `new Promise((resolve, reject) => {
  const open = indexedDB.open('fastify-refresh-token')
  open.onerror = reject
  open.onsuccess = () => {
    const values = open.result.transaction('keys').objectStore('keys').getAll()
    values.onsuccess = () => {
      open.result.close()
      resolve(values.result)
    }
  }
})`

/** Opens a profile whose clock is that of the server. */
async function openUser(t: Test, browser: Browser, site: Site, aheadMs = 0): Promise<BrowserContext> {
  const profile = await openProfile(t, browser)
  await profile.clock.install({ time: site.clock.nowMs + aheadMs })
  return profile
}

const openTab = (profile: BrowserContext, site: Site) => Tab.open(profile, `${site.origin}/?bound`)

async function expire(site: Site, profile: BrowserContext): Promise<void> {
  await profile.clock.fastForward(EXPIRED_MS)
  await site.advance(EXPIRED_MS)
}

async function keysOf({ app }: Site): Promise<Set<string | null>> {
  return new Set((await app.sessions.list('ada')).map(({ jkt }) => jkt))
}

inChromium(t, async (t, browser) => {
  t.test('five tabs that log in at once share one key, and each of them continues', async (t) => {
    const site = await openSite(t)
    const profile = await openUser(t, browser, site)
    const tabs = await Promise.all(Array.from({ length: 5 }, () => openTab(profile, site)))
    t.same(await Promise.all(tabs.map((tab) => tab.login('ada'))), Array(5).fill(200))
    const keys = await keysOf(site)
    t.equal(keys.size, 1)
    t.notOk(keys.has(null))
    t.equal(await evaluate(tabs[0]!.page, `${STORED}.then((values) => values.length)`), 1)
    await expire(site, profile)
    t.same(await Promise.all(tabs.map((tab) => tab.call())), Array(5).fill('ada'))
  })

  t.test('a page that is loaded again continues the session', async (t) => {
    const site = await openSite(t)
    const profile = await openUser(t, browser, site)
    const tab = await openTab(profile, site)
    await tab.login('ada')
    await tab.page.reload()
    t.equal(await tab.restore(), true)
    t.equal(await tab.call(), 'ada')
    t.same(
      site.requests.filter(({ status }) => status !== 200).map(({ path }) => path),
      []
    )
  })

  t.test('no script can export the key', async (t) => {
    const site = await openSite(t)
    const tab = await openTab(await openUser(t, browser, site), site)
    await tab.login('ada')
    const exported = `${STORED}.then(([{ privateKey }]) => crypto.subtle.exportKey('jwk', privateKey))`
    t.equal(await evaluate(tab.page, `${exported}.catch(({ name }) => name)`), 'InvalidAccessError')
  })

  for (const [name, hasKey, code] of [
    ['without a key', false, 'FRT_ERR_PROOF_REQUIRED'],
    ['with a key of its own', true, 'FRT_ERR_PROOF_KEY_MISMATCH']
  ] as const) {
    t.test(`copied cookies are rejected in another browser ${name}, and the user continues`, async (t) => {
      const site = await openSite(t)
      const [user, attacker] = [await openUser(t, browser, site), await openUser(t, browser, site)]
      const tab = await openTab(user, site)
      await tab.login('ada')
      if (hasKey) await (await openTab(attacker, site)).login('mallory')
      await attacker.addCookies(await user.cookies())
      const thief = await openTab(attacker, site)
      t.equal(await thief.restore(), false)
      t.same(await thief.ends(), [code])
      await expire(site, user)
      t.equal(await tab.call(), 'ada')
      t.same(await tab.ends(), [])
    })
  }

  t.test('a browser that has evicted the key ends the session once, and a new login works', async (t) => {
    const site = await openSite(t)
    const profile = await openUser(t, browser, site)
    const tab = await openTab(profile, site)
    await tab.login('ada')
    await evaluate(tab.page, DELETE_DATABASE)
    await expire(site, profile)
    t.equal(await tab.call(), 401)
    t.same(await tab.ends(), ['FRT_ERR_PROOF_REQUIRED'])
    t.equal(await tab.login('ada'), 200)
    await expire(site, profile)
    t.equal(await tab.call(), 'ada')
    t.same(await tab.ends(), ['FRT_ERR_PROOF_REQUIRED'])
  })

  t.test('a clock that is two hours ahead costs one more request', async (t) => {
    const site = await openSite(t)
    const profile = await openUser(t, browser, site, 2 * HOUR_MS)
    const tab = await openTab(profile, site)
    t.equal(await tab.login('ada'), 200)
    t.equal(await tab.call(), 'ada')
    await tab.logout()
    t.same(await keysOf(site), new Set())
    const routes = site.requests.filter(({ path }) => path.startsWith('/auth'))
    t.same(
      routes.map(({ path, status, code }) => [path, status, code]),
      [
        ['/auth/login', 401, 'FRT_ERR_PROOF_NONCE'],
        ['/auth/login', 200, undefined],
        ['/auth/logout', 200, undefined]
      ]
    )
  })

  t.test('a logout deletes the key', async (t) => {
    const site = await openSite(t)
    const tab = await openTab(await openUser(t, browser, site), site)
    await tab.login('ada')
    await tab.logout()
    t.same(await evaluate(tab.page, STORED), [])
    t.same(await keysOf(site), new Set())
  })
})

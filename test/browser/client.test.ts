import t from 'tap'
import { eventually } from '../support/eventually.js'
import { inChromium, openProfile } from './support/browser.js'
import { openSite } from './support/site.js'
import { openTabs, Tab } from './support/tab.js'

const EXPIRED_MS = 301_000

/** Lets a page hold its messages back, as in a tab that the browser has suspended. Chromium does not freeze visible tabs. */
const SUSPENDABLE = `
globalThis.held = undefined
globalThis.suspend = () => { held = [] }
globalThis.resume = () => { for (const read of held.splice(0)) read(); held = undefined }
globalThis.BroadcastChannel = class extends BroadcastChannel {
  set onmessage(read) {
    super.onmessage = (event) => (held ? held.push(() => read(event)) : read(event))
  }
}
`

inChromium(t, async (t, browser) => {
  t.test('a tab that reads the message of another tab late does not hand out an expired token', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    await profile.clock.install({ time: Date.UTC(2026, 0) })
    await profile.addInitScript(SUSPENDABLE)
    const [active, suspended] = await openTabs(profile, site.origin, 2)
    await suspended!.page.evaluate('suspend()')
    // The other tab gets a new token, whose message the suspended tab does not read yet.
    await profile.clock.fastForward(EXPIRED_MS)
    await site.advance(EXPIRED_MS)
    t.equal(await active!.call(), 'ada')
    const late = await active!.token()
    await eventually(() => suspended!.page.evaluate('held.length > 0'))
    // That token expires, too.
    await profile.clock.fastForward(EXPIRED_MS)
    await site.advance(EXPIRED_MS)
    await suspended!.page.evaluate('resume()')
    t.not(await suspended!.token(), late)
    t.equal(await suspended!.call(), 'ada')
  })

  t.test(
    'a login of another user in another tab is shown, and the first user makes no more calls',
    async (t) => {
      const site = await openSite(t)
      const profile = await openProfile(t, browser)
      const [one, two] = await openTabs(profile, site.origin, 2)
      const me = site.hold('/me')
      const waiting = one!.call()
      await eventually(() => me.waiting === 1)
      t.equal(await two!.login('grace'), 200)
      await eventually(async () => (await one!.ends()).length === 1)
      t.same(await one!.ends(), ['user-changed'])
      t.match(await one!.snapshot(), {
        status: 'authenticated',
        user: { sub: 'grace' },
        reason: 'user-changed'
      })
      me.release()
      t.equal(await waiting, 'ada', 'a call that the server has answered belongs to the first user')
      t.equal(await one!.call(), 'grace')
      t.same(await two!.ends(), ['user-changed'], 'also the tab of the login had a user before')
    }
  )

  t.test('a page whose browser denies channels works', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    await profile.addInitScript(
      "globalThis.BroadcastChannel = class { constructor() { throw new DOMException('denied', 'SecurityError') } }"
    )
    const errors: unknown[] = []
    const tab = await Tab.open(profile, site.origin, errors)
    t.equal(await tab.login('ada'), 200)
    t.equal(await tab.call(), 'ada')
    t.same(errors, [])
  })

  t.test('unknown messages on the channel cause no error', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    const errors: unknown[] = []
    const one = await Tab.open(profile, site.origin, errors)
    const two = await Tab.open(profile, site.origin)
    await one.login('ada')
    for (const message of [null, 1, 'logout', {}, { type: 'token' }, { type: 'ping' }])
      await two.post(message)
    // Messages arrive in order.
    await two.post({ type: 'logout' })
    await eventually(async () => (await one.ends()).length > 0)
    t.same(await one.ends(), ['logout'])
    t.same(errors, [])
  })

  t.test('a 401 whose body does not end is returned', async (t) => {
    const site = await openSite(t)
    const profile = await openProfile(t, browser)
    await profile.clock.install()
    const [tab] = await openTabs(profile, site.origin, 1)
    let status: number | undefined
    tab!.status('/endless').then((value) => {
      status = value
    })
    await eventually(async () => {
      await profile.clock.runFor(1000)
      return status !== undefined
    })
    t.equal(status, 401)
    t.same(await tab!.ends(), [])
  })

  t.test(
    'requests of another frame, a Request as options, forms and prefixes work as documented',
    async (t) => {
      const site = await openSite(t)
      const tab = await Tab.open(await openProfile(t, browser), site.origin)
      t.equal(await tab.loginWithForm('ada'), 200)
      t.equal(await tab.call(), 'ada')
      t.equal(await tab.echo(), 'some text')
      t.equal(await tab.requestAsOptions(), 200, 'POST, because there is no GET /echo')
      t.equal(await tab.badPrefix(), 'TypeError: prefix must start with "/"')
    }
  )
})

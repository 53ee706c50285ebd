import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { inChromium, openProfile } from './support/browser.js'
import { startReactApp } from './support/react-app.js'

async function open(profile: BrowserContext, origin: string): Promise<Page> {
  const page = await profile.newPage()
  await page.goto(origin)
  return page
}

async function logIn(page: Page, username: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).dblclick()
}

const shows = (page: Page, text: string) => page.getByText(text).waitFor()

inChromium(t, async (t, browser) => {
  t.test('the app of docs/guides/react.md, built with Vite', async (t) => {
    const { origin, app, sources } = await startReactApp(t)
    const profile = await openProfile(t, browser)
    const one = await open(profile, origin)

    await t.test('shows the login page, and why a login fails', async () => {
      await logIn(one, 'ada', 'wrong')
      await shows(one, 'The name or the password is wrong.')
    })

    await t.test('shows the guarded list after a login, which a double click causes once', async (t) => {
      await logIn(one, 'ada', 'right')
      await shows(one, 'A note of ada')
      t.equal((await app.sessions.list('id of ada')).length, 1)
    })

    await t.test('restores the session in a second tab and after a reload', async () => {
      const two = await open(profile, origin)
      await shows(two, 'A note of ada')
      await one.reload()
      await shows(one, 'A note of ada')
      await two.close()
    })

    const two = await open(profile, origin)
    await t.test('shows the login page in all tabs after a logout', async () => {
      await shows(two, 'A note of ada')
      await two.getByRole('button', { name: 'Log out' }).click()
      await shows(one, 'Password')
      await shows(two, 'Password')
    })

    await t.test('shows another user in all tabs, also without a logout before', async (t) => {
      await logIn(one, 'ada', 'right')
      await shows(two, 'A note of ada')
      // Another window of this browser, whose page does not exchange messages with this one.
      const status = await one.evaluate(
        "fetch('/auth/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'grace', password: 'right' }) }).then(({ status }) => status)"
      )
      t.equal(status, 200)
      await one.reload()
      await shows(one, 'A note of grace')
      await shows(two, 'A note of grace')
      t.equal(await two.getByText('ada').count(), 0)
    })

    await t.test('shows the login page after a revocation, at the next call', async () => {
      await app.sessions.revokeAll('id of grace')
      await one.reload()
      await shows(one, 'Password')
      await two.reload()
      await shows(two, 'Password')
    })

    await t.test('has no state of its own for the session', async (t) => {
      t.match(sources.get('session.ts'), 'useSyncExternalStore(auth.subscribe, auth.snapshot)')
      for (const name of ['session.ts', 'guard.tsx', 'main.tsx'])
        t.notMatch(sources.get(name), /useState|useReducer|useRef|localStorage/, name)
    })
  })
})

import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { buildAccount } from '../../examples/account/app.js'
import { listen, SECRET } from '../support/build-app.js'
import { inChromium } from './support/browser.js'
import { openPage } from './support/example-page.js'
import { checkAndCapture } from './support/screenshots.js'

const CODE = '123456'

/** Opens the page in two browsers of one user, who is logged in. */
async function openDevices(t: Test, browser: Browser) {
  const app = await buildAccount({ secret: SECRET })
  t.after(() => app.close())
  await app.ready()
  const origin = await listen(app)
  const [desk, phone] = [await openPage(t, browser, origin), await openPage(t, browser, origin)]
  for (const { page } of [desk, phone]) await logIn(page)
  await desk.page.reload()
  return { desk: desk.page, phone: phone.page, problems: [desk.problems, phone.problems] }
}

async function logIn(page: Page): Promise<void> {
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password').fill('analytical engine')
  await page.getByRole('button', { name: 'Log in' }).dblclick()
  await page.locator('#device-list li').first().waitFor()
}

const other = (page: Page) => page.locator('#device-list li[data-current="false"]')
const own = (page: Page) => page.locator('#device-list li[data-current="true"]')
const shows = (page: Page, text: string) => page.getByText(text, { exact: true }).waitFor()

async function rename(page: Page, name: string): Promise<void> {
  await own(page)
    .getByRole('button', { name: /^Rename/ })
    .click()
  await own(page).getByLabel('Name of the device').fill(name)
  await page.keyboard.press('Enter')
  await shows(page, 'The name is saved.')
}

async function enterCode(page: Page, code: string): Promise<void> {
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Code').fill(code)
  await dialog.getByRole('button', { name: 'Confirm' }).click()
}

inChromium(t, async (t, browser) => {
  t.test('a user names a device, and another device shows the name', async (t) => {
    const { desk, phone, problems } = await openDevices(t, browser)
    t.equal(await own(desk).locator('b').innerText(), 'Chrome on Linux', 'without a name')
    t.equal(await other(desk).count(), 1)

    await rename(desk, "Ada's desk")
    t.equal(await own(desk).locator('b').innerText(), "Ada's desk")
    t.ok(await own(desk).locator('.rename:focus').isVisible(), 'the button has the focus again')
    await phone.reload()
    await other(phone).getByText("Ada's desk").waitFor()
    t.same(await checkAndCapture(phone, 'account'), [])

    await rename(desk, '')
    await own(desk).getByText('Chrome on Linux').waitFor()
    t.same(problems.flat(), [])
  })

  t.test('the log out of a device requires the code first, and then does not ask again', async (t) => {
    const { desk, phone, problems } = await openDevices(t, browser)
    t.equal(
      await own(desk)
        .getByRole('button', { name: /^Log out/ })
        .count(),
      0
    )
    const logOut = other(desk).getByRole('button', { name: /^Log out/ })

    await logOut.click()
    await desk.getByRole('dialog').waitFor()
    t.same(await checkAndCapture(desk, 'account-code'), [])
    await desk.keyboard.press('Escape')
    await shows(desk, 'Nothing was changed.')
    t.equal(await other(desk).count(), 1)

    await logOut.click()
    await enterCode(desk, '000000')
    await shows(desk, 'The code is wrong.')
    await enterCode(desk, CODE)
    await shows(desk, 'Chrome on Linux is logged out.')
    t.equal(await other(desk).count(), 0)
    t.ok(await desk.locator('#account-title:focus').isVisible())

    await phone.reload()
    await shows(phone, 'Your session has ended. Log in again.')
    await logIn(phone)
    await desk.reload()
    await logOut.click()
    await shows(desk, 'Chrome on Linux is logged out.')
    t.same(problems.flat(), [])
  })

  t.test('the log out of the other devices keeps this one, in all its tabs', async (t) => {
    const { desk, phone, problems } = await openDevices(t, browser)
    const tab = await desk.context().newPage()
    await tab.goto(desk.url())
    await other(tab).waitFor()

    await desk.getByRole('button', { name: 'Log out my other devices' }).click()
    await enterCode(desk, CODE)
    await shows(desk, 'Your other devices are logged out.')
    t.equal(await other(desk).count(), 0)
    t.equal(await own(desk).count(), 1)

    await phone.reload()
    await shows(phone, 'Your session has ended. Log in again.')
    await logIn(phone)
    await tab.getByRole('button', { name: 'Log out my other devices' }).click()
    await shows(tab, 'Your other devices are logged out.')
    t.equal(await tab.getByRole('dialog').count(), 0, 'the other tab has the new access token too')
    t.same(problems.flat(), [])
  })

  t.test('a log out shows the login form, and a wrong password says so', async (t) => {
    const { desk } = await openDevices(t, browser)
    await desk.getByRole('button', { name: 'Log out', exact: true }).click()
    await shows(desk, 'You are logged out.')
    t.ok(await desk.locator('#login-title:focus').isVisible())
    t.same(await checkAndCapture(desk, 'account-login'), [])
    await desk.getByLabel('Username').fill('ada')
    await desk.getByLabel('Password').fill('difference engine')
    await desk.getByRole('button', { name: 'Log in' }).click()
    await desk.locator('#login-outcome', { hasText: 'invalid' }).waitFor()
  })
})

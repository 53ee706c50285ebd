import t from 'tap'
import { photograph } from './support/album.js'
import { inChromium } from './support/browser.js'
import { generationsOf, logIn, openDemoPage, outcomeOf, play, tabTo } from './support/demo-page.js'

inChromium(t, async (t, browser) => {
  t.test('the page of the demo plays what goes wrong', async (t) => {
    const { page, complaints } = await openDemoPage(t, browser)
    const looksGood = async (state: string) =>
      t.same(await photograph(page, state), [], `${state} looks good`)

    await page.locator('#login').waitFor()
    await looksGood('logged-out')

    await page.locator('#password').fill('guessed')
    await page.locator('#login-button').click()
    await page.getByText('These are not the credentials').waitFor()
    await looksGood('refused')

    await page.locator('#fill-ada').click()
    await logIn(page)
    t.equal(await page.locator('#session-title').innerText(), 'Ada is logged in')
    t.same(await generationsOf(page), ['Generation 1 current'])
    await page.locator('#call-button').click()
    await page.getByText('200: the server calls you Ada.').waitFor()
    await looksGood('logged-in')

    t.match(await play(page, 'expire'), /was answered 401\. Your client refreshed once/)
    await page.locator('#generation-line [data-gen="2"]').waitFor()
    t.match((await generationsOf(page)).slice(-2), [/retired$/, /current$/])
    await looksGood('expire')

    t.match(await play(page, 'lost'), /a replay, not a theft\. Nobody was logged out/)
    t.match((await generationsOf(page)).slice(-2), [/retired$/, /current, replayed once$/])
    await looksGood('lost')

    t.match(await play(page, 'tabs'), /^5 of 5 were answered 200: 1 rotation, 4 replays\./)
    t.match((await generationsOf(page)).at(-1), /current, replayed 4 times$/)
    await looksGood('tabs')

    t.match(
      await play(page, 'store'),
      /answered 503, and your client gave up for now\. You are still logged in/
    )
    t.equal(await page.locator('#play-store').getAttribute('data-store'), 'stopped')
    await looksGood('store-stopped')
    t.match(await play(page, 'store'), /Nothing was lost/)
    t.equal(await page.locator('body').getAttribute('data-session'), 'in')
    await looksGood('store-started')

    const devices = page.locator('#device-list li')
    await page.locator('#device-add-button').click()
    await page.getByText('A phone has logged in as you').waitFor()
    t.equal(await devices.count(), 2)
    await looksGood('devices')
    await devices.filter({ hasText: 'A phone' }).getByRole('button').click()
    await page.getByText('is logged out').waitFor()
    t.equal(await devices.count(), 1)
    await looksGood('device-revoked')

    await page.locator('#play-theft-button').click()
    await page.locator('#generation-line [data-copied="true"]').waitFor()
    t.match(await outcomeOf(page, 'theft'), /^The thief was answered 401, and has nothing/)
    const end = page.locator('#session-end')
    t.equal(await end.getAttribute('data-reason'), 'FRT_ERR_REFRESH_TOKEN_REUSED')
    t.match(await end.innerText(), /somebody else holds a copy of it/)
    await page.locator('#generation-line [data-reused="true"]').waitFor()
    t.match((await generationsOf(page)).slice(-2), [
      /retired, copied by a thief, reused: theft found out$/,
      /ended$/
    ])
    await looksGood('theft')

    await page.locator('#login-button').click()
    await page.locator('body[data-session="in"]').waitFor()
    t.equal(await end.isHidden(), true)
    await devices.filter({ hasText: 'this session' }).getByRole('button').click()
    await end.waitFor()
    t.equal(await end.getAttribute('data-reason'), 'FRT_ERR_SESSION_REVOKED')
    await looksGood('revoked')

    t.same(complaints, [], 'no error, no violation of its policy, nothing from elsewhere')
  })

  t.test('the keyboard alone logs in, plays, and logs out', async (t) => {
    const { page, complaints } = await openDemoPage(t, browser)
    const { keyboard } = page
    await page.locator('#login').waitFor()

    t.ok(await tabTo(page, 'username'))
    await keyboard.type('grace')
    t.ok(await tabTo(page, 'password'))
    await keyboard.type('nanoseconds')
    await keyboard.press('Enter')
    await page.locator('#session-title:focus').waitFor()
    t.equal(await page.locator('#session-title').innerText(), 'Grace is logged in')

    t.ok(await tabTo(page, 'play-lost-button'))
    await keyboard.press('Space')
    t.match(await outcomeOf(page, 'lost'), /Nobody was logged out/)
    t.ok(await page.locator('#play-lost-button:focus').isVisible(), 'the button keeps the focus')

    t.ok(await tabTo(page, 'device-add-button'))
    await keyboard.press('Enter')
    await page.getByText('A phone has logged in as you').waitFor()

    await page.locator('#session-title').focus()
    t.ok(await tabTo(page, 'logout-button'))
    await keyboard.press('Enter')
    await page.locator('#session-end-title:focus').waitFor()
    t.equal(await page.locator('#session-end').getAttribute('data-reason'), 'logout')
    t.same(complaints, [])
  })

  t.test('the session of the demo is in its other tabs, too, and over a reload', async (t) => {
    const { page } = await openDemoPage(t, browser)
    await logIn(page)
    const other = await page.context().newPage()
    await other.goto(page.url())
    await other.locator('body[data-session="in"]').waitFor()
    await page.reload()
    await page.locator('body[data-session="in"]').waitFor()

    await page.locator('#logout-button').click()
    await other.getByText('You logged out, in this tab or in another one of this browser.').waitFor()
    t.equal(await other.locator('body').getAttribute('data-session'), 'out')
    t.same(await page.context().cookies(), [])
  })
})

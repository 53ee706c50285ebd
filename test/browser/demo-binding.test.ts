import t from 'tap'
import { inChromium } from './support/browser.js'
import { logIn, openDemoPage, runScenario } from './support/demo-page.js'
import { checkAndCapture } from './support/screenshots.js'

inChromium(t, async (t, browser) => {
  t.test('a session that is bound to a key survives every attack and fault', async (t) => {
    const { page, problems } = await openDemoPage(t, browser)
    await logIn(page)
    t.match(await runScenario(page, 'bound'), /^Your session is not bound to a key\. Log out/)
    await page.locator('#logout-button').click()
    await page.getByText('The server has revoked the session.').waitFor()

    await Promise.all([page.waitForEvent('load'), page.locator('#binding').check()])
    await page.locator('#login').waitFor()
    t.equal(await page.locator('#binding').isChecked(), true, 'the choice is kept')
    t.same(await checkAndCapture(page, 'bound-choice'), [])
    await logIn(page)
    t.match(
      await runScenario(page, 'bound'),
      /^The attacker received 401 and no tokens, .*You are still logged in, Ada\.$/
    )
    t.match(await page.locator('#request-log [data-sender="attacker"]').innerText(), /FRT_ERR_PROOF_REQUIRED/)
    t.same(await checkAndCapture(page, 'bound'), [])

    t.match(await runScenario(page, 'lost'), /called a replay.*still logged in/)
    t.match(await runScenario(page, 'tabs'), /5 of 5 requests with 200/)
    t.match(await runScenario(page, 'theft'), /^The attacker received 401 .*You are still logged in\.$/)
    t.equal(await page.locator('body').getAttribute('data-session'), 'in')
    await page.reload()
    await page.locator('body[data-session="in"]').waitFor()
    t.same(problems, [])
  })
})

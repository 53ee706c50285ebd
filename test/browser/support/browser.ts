import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import type { Test } from 'tap'

/** For each wait of a page. */
const PATIENCE_MS = 15_000

/** The tests in a browser of their own, which ends with them. */
export async function inChromium(
  t: Test,
  tests: (t: Test, browser: Browser) => Promise<unknown>
): Promise<void> {
  await t.test('in Chromium', async (t) => tests(t, await openBrowser(t)))
}

/** The Chromium that `npm run test:browser` has found. It ends with this process, too. */
async function openBrowser(t: Test): Promise<Browser> {
  const executablePath = process.env.CHROMIUM
  if (!executablePath) throw new Error('CHROMIUM is not set: start these tests with `npm run test:browser`')
  const browser = await chromium.launch({
    executablePath,
    timeout: 30_000,
    // Not to be had by root, or in most containers; the pages that it meets are ours.
    chromiumSandbox: false,
    args: ['--disable-gpu']
  })
  t.after(() => browser.close())
  return browser
}

/** What a person's browser is: its tabs share their cookies, locks and channels, with nobody else. */
export async function openProfile(
  t: Test,
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<BrowserContext> {
  const profile = await browser.newContext(options)
  profile.setDefaultTimeout(PATIENCE_MS)
  t.after(() => profile.close())
  return profile
}

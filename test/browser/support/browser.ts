import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'
import type { Test } from 'tap'

/** The timeout of each wait of a page. */
const PAGE_TIMEOUT_MS = 15_000

/** Runs tests with a browser that closes after them. */
export async function inChromium(
  t: Test,
  tests: (t: Test, browser: Browser) => Promise<unknown>
): Promise<void> {
  await t.test('in Chromium', async (t) => tests(t, await openBrowser(t)))
}

/** Starts the Chromium that `npm run test:browser` found. */
async function openBrowser(t: Test): Promise<Browser> {
  const executablePath = process.env.CHROMIUM
  if (!executablePath) throw new Error('CHROMIUM is not set: start these tests with `npm run test:browser`')
  const browser = await chromium.launch({
    executablePath,
    timeout: 30_000,
    // The sandbox does not work as root and in most containers. All pages are part of the tests.
    chromiumSandbox: false,
    args: ['--disable-gpu']
  })
  t.after(() => browser.close())
  return browser
}

/** Opens a browser profile. Its tabs share cookies, locks and channels. */
export async function openProfile(
  t: Test,
  browser: Browser,
  options: BrowserContextOptions = {}
): Promise<BrowserContext> {
  const profile = await browser.newContext(options)
  profile.setDefaultTimeout(PAGE_TIMEOUT_MS)
  t.after(() => profile.close())
  return profile
}

import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import { openProfile } from './browser.js'

/** Console messages about responses with an error status. The tests cause them. */
const FAILED_REQUESTS =
  /^Failed to load resource: (?:the server responded with a status of (?:401|403|503)|net::ERR_)/

export interface ExamplePage {
  page: Page
  /** Errors in the console, violations of the content security policy, and requests to another host. */
  problems: string[]
}

/** Opens the page of an example in a profile of its own. */
export async function openPage(t: Test, browser: Browser, origin: string): Promise<ExamplePage> {
  const profile = await openProfile(t, browser, { reducedMotion: 'reduce' })
  const page = await profile.newPage()
  const problems = listenTo(page, origin)
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (event) => console.error('CSP', event.violatedDirective, event.blockedURI))"
  )
  await page.goto(origin)
  return { page, problems }
}

function listenTo(page: Page, origin: string): string[] {
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    const isFault = ['error', 'warning'].includes(message.type()) && !FAILED_REQUESTS.test(message.text())
    if (isFault) problems.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) problems.push(request.url())
  })
  return problems
}

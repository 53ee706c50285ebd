import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import { createDemo } from '../../../examples/demo/app.js'
import { MemoryStore } from '../../../lib/index.js'
import { listen, SECRET } from '../../support/build-app.js'
import { openProfile } from './browser.js'
import { withTimeout } from './with-timeout.js'

/** Console messages about responses with an error status. Scenarios cause them. */
const FAILED_REQUESTS =
  /^Failed to load resource: (?:the server responded with a status of (?:401|503)|net::ERR_)/

const MAX_STEPS = 30
/** A scenario waits for the cooldown of a token, and a client waits for a stopped store. */
const SCENARIO_MS = 40_000

export interface DemoPage {
  page: Page
  /** Errors in the console, violations of the content security policy, and requests to another host. */
  problems: string[]
}

/** Opens the demo as `npm run demo` serves it, on a free port. */
export async function openDemoPage(t: Test, browser: Browser): Promise<DemoPage> {
  const app = await createDemo({ secret: SECRET, store: new MemoryStore(), logLevel: 'silent' })
  t.after(() => app.close())
  await app.ready()
  const origin = await listen(app)
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

export async function logIn(page: Page): Promise<void> {
  await page.locator('#login-button').click()
  await page.locator('body[data-session="in"]').waitFor()
}

/** Runs a scenario, and returns the text that explains its outcome. */
export async function runScenario(page: Page, name: string): Promise<string> {
  await page.locator(`#scenario-${name}-button`).click()
  return outcomeOf(page, name)
}

export async function outcomeOf(page: Page, name: string): Promise<string> {
  const finished = page.locator(
    `#scenario-${name}[data-state="done"], #scenario-${name}[data-state="failed"]`
  )
  await finished.waitFor({ timeout: SCENARIO_MS })
  return page.locator(`#scenario-${name}-outcome`).innerText()
}

/** Returns the texts of the generation list. */
export async function generationsOf(page: Page): Promise<string[]> {
  const items = await page.locator('#generation-list li').allInnerTexts()
  return items.map((text) => text.replace(/\s+/g, ' ').trim())
}

/** Moves the focus to an element with the Tab key. Returns whether the focus is visible. */
export async function tabTo(page: Page, id: string): Promise<boolean> {
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    await page.keyboard.press('Tab')
    const [focused, outline] = await evaluate<[string, string]>(
      page,
      '[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]'
    )
    if (focused === id) return outline !== 'none'
  }
  throw new Error(`the Tab key does not reach #${id}`)
}

export async function evaluate<T>(page: Page, code: string): Promise<T> {
  return withTimeout(page.evaluate<T>(code), code)
}

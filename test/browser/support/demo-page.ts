import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import { createDemo } from '../../../examples/demo/app.js'
import { MemoryStore } from '../../../lib/index.js'
import { listen, SECRET } from '../../support/build-app.js'
import { openProfile } from './browser.js'
import { inTime } from './in-time.js'

/** What the browser itself says of an answer that is no success: plays are about those. */
const REFUSALS = /^Failed to load resource: (?:the server responded with a status of (?:401|503)|net::ERR_)/

const MAX_STEPS = 30
/** A play waits for a token to rest, and a client for a store that is gone. */
const PLAY_MS = 40_000

export interface DemoPage {
  page: Page
  /** What a page must not do: errors, violations of its policy, requests to another host. */
  complaints: string[]
}

/** The demo as `npm run demo` serves it, on a port of its own. */
export async function openDemoPage(t: Test, browser: Browser): Promise<DemoPage> {
  const app = await createDemo({ secret: SECRET, store: new MemoryStore(), logLevel: 'silent' })
  t.after(() => app.close())
  await app.ready()
  const origin = await listen(app)
  const profile = await openProfile(t, browser, { reducedMotion: 'reduce' })
  const page = await profile.newPage()
  const complaints = listenTo(page, origin)
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (event) => console.error('CSP', event.violatedDirective, event.blockedURI))"
  )
  await page.goto(origin)
  return { page, complaints }
}

function listenTo(page: Page, origin: string): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    const isFault = ['error', 'warning'].includes(message.type()) && !REFUSALS.test(message.text())
    if (isFault) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) complaints.push(request.url())
  })
  return complaints
}

export async function logIn(page: Page): Promise<void> {
  await page.locator('#login-button').click()
  await page.locator('body[data-session="in"]').waitFor()
}

/** Presses the button of a play, and waits until it is over. Gives what came of it. */
export async function play(page: Page, name: string): Promise<string> {
  await page.locator(`#play-${name}-button`).click()
  return outcomeOf(page, name)
}

export async function outcomeOf(page: Page, name: string): Promise<string> {
  const over = page.locator(`#play-${name}[data-state="done"], #play-${name}[data-state="failed"]`)
  await over.waitFor({ timeout: PLAY_MS })
  return page.locator(`#play-${name}-outcome`).innerText()
}

/** The line of generations, in words. */
export async function generationsOf(page: Page): Promise<string[]> {
  const items = await page.locator('#generation-line li').allInnerTexts()
  return items.map((text) => text.replace(/\s+/g, ' ').trim())
}

/** Goes there by the Tab key alone. Gives whether one sees it on its way. */
export async function tabTo(page: Page, id: string): Promise<boolean> {
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    await page.keyboard.press('Tab')
    const [focused, outline] = await evaluate<[string, string]>(
      page,
      '[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]'
    )
    if (focused === id) return outline !== 'none'
  }
  throw new Error(`the Tab key does not get to #${id}`)
}

export async function evaluate<T>(page: Page, code: string): Promise<T> {
  return inTime(page.evaluate<T>(code), code)
}

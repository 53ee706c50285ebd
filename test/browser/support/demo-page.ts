import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import { createDemo } from '../../../examples/demo/app.js'
import { MemoryStore } from '../../../lib/index.js'
import { listen, SECRET } from '../../support/build-app.js'
import { type ExamplePage, openPage } from './example-page.js'
import { withTimeout } from './with-timeout.js'

const MAX_STEPS = 30
/** A scenario waits for the cooldown of a token, and a client waits for a stopped store. */
const SCENARIO_MS = 40_000

/** Opens the demo as `npm run demo` serves it, on a free port. */
export async function openDemoPage(t: Test, browser: Browser): Promise<ExamplePage> {
  const app = await createDemo({ secret: SECRET, store: new MemoryStore(), logLevel: 'silent' })
  t.after(() => app.close())
  await app.ready()
  return openPage(t, browser, await listen(app))
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

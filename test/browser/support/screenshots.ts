import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { evaluate } from './demo-page.js'
import { withTimeout } from './with-timeout.js'

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } }
const SCHEMES = ['light', 'dark'] as const
const SEVERE = ['serious', 'critical']

let screenshots = 0

/**
 * Takes screenshots of the page in phone and desktop size, in light and dark mode.
 * @returns serious and critical violations that axe-core finds, and overflowing content
 */
export async function checkAndCapture(page: Page, state: string): Promise<string[]> {
  const problems: string[] = []
  await evaluate(page, 'scrollTo(0, 0)')
  const number = String(++screenshots).padStart(2, '0')
  for (const [device, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size)
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      const name = `${number}-${state}-${device}-${colorScheme}`
      await page.screenshot({ path: join(folder(), `${name}.png`), fullPage: true })
      for (const problem of await findViolations(page)) problems.push(`${name}: ${problem}`)
    }
    const overflow = await evaluate<number>(
      page,
      'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    )
    if (overflow > 0) problems.push(`${state}, ${device}: ${overflow} px too wide`)
  }
  return problems
}

function folder(): string {
  const { ARTEFACTS } = process.env
  if (!ARTEFACTS) throw new Error('ARTEFACTS is not set: start these tests with `npm run test:browser`')
  return ARTEFACTS
}

async function findViolations(page: Page): Promise<string[]> {
  // In legacy mode axe-core does not open a second page.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] })
  const { violations } = await withTimeout(axe.analyze(), 'axe-core')
  return violations
    .filter(({ impact }) => SEVERE.includes(impact ?? ''))
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target).join(', ')})`)
}

import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { evaluate } from './demo-page.js'
import { inTime } from './in-time.js'

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } }
const SCHEMES = ['light', 'dark'] as const
const GRAVE = ['serious', 'critical']

let pages = 0

/**
 * Takes a picture of the page as it is, on a phone and on a desk, light and dark.
 * @returns what is wrong with it: faults that axe-core calls serious or critical, and what is wider than a phone
 */
export async function photograph(page: Page, state: string): Promise<string[]> {
  const faults: string[] = []
  await evaluate(page, 'scrollTo(0, 0)')
  const number = String(++pages).padStart(2, '0')
  for (const [device, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size)
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      const name = `${number}-${state}-${device}-${colorScheme}`
      await page.screenshot({ path: join(folder(), `${name}.png`), fullPage: true })
      for (const fault of await faultsOf(page)) faults.push(`${name}: ${fault}`)
    }
    const overhang = await evaluate<number>(
      page,
      'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    )
    if (overhang > 0) faults.push(`${state}, ${device}: ${overhang} px too wide`)
  }
  return faults
}

function folder(): string {
  const { ARTEFACTS } = process.env
  if (!ARTEFACTS) throw new Error('ARTEFACTS is not set: start these tests with `npm run test:browser`')
  return ARTEFACTS
}

async function faultsOf(page: Page): Promise<string[]> {
  // In legacy mode it stays within the page: no blank one is opened beside it.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] })
  const { violations } = await inTime(axe.analyze(), 'axe-core')
  return violations
    .filter(({ impact }) => GRAVE.includes(impact ?? ''))
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ target }) => target).join(', ')})`)
}

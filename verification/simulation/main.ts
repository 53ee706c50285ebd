import { parseArgs } from 'node:util'
import { honestTable, searchTable, thievesTable } from './report.js'
import { columns, searched } from './strategies.js'

const PARTS = ['honest', 'thieves', 'search'] as const

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    sessions: { type: 'string', default: '150' },
    only: { type: 'string' },
    rules: { type: 'string', default: '' }
  }
})
const settings = { seed: wholeNumber('seed'), sessions: wholeNumber('sessions') }
if (values.only !== undefined && !PARTS.some((part) => part === values.only)) {
  throw new Error(`--only is one of ${PARTS.join(', ')}`)
}
const isWanted = (part: (typeof PARTS)[number]) => (values.only ?? part) === part

console.log(`npm run simulate -- ${process.argv.slice(2).join(' ')}`)
console.log(`seed ${settings.seed}, ${settings.sessions} users of the first condition\n`)
const startedAt = performance.now()
const named = new RegExp(values.rules)
const contestants = await columns(named)
if (isWanted('honest')) {
  console.log('Honest sessions logged out, per million refreshes:\n')
  console.log(`${await honestTable(contestants, settings)}\n`)
}
if (isWanted('thieves')) {
  console.log('Found out after (median, 95th percentile), and the refreshes that were granted until then:\n')
  console.log(`${await thievesTable(contestants, settings)}\n`)
}
if (isWanted('search')) {
  console.log('The best thieves of a random search, whose victims never sleep:\n')
  console.log(`${await searchTable(searched(named), settings)}\n`)
}
const cpu = process.cpuUsage()
const [wallSeconds, cpuSeconds] = [performance.now() - startedAt, (cpu.user + cpu.system) / 1000].map(
  toSeconds
)
console.log(`${wallSeconds} s, of which ${cpuSeconds} s of one core`)

function toSeconds(ms: number): number {
  return Math.round(ms / 1000)
}

function wholeNumber(name: 'seed' | 'sessions'): number {
  const number = Number(values[name])
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} is a whole number above 0`)
  return number
}

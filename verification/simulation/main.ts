import { parseArgs } from 'node:util'
import { columnsOf, searchedRules } from './implementations.js'
import { attackersTable, honestTable, searchTable } from './report.js'
import { awakeVictims, sleepingVictims } from './search.js'

const TABLES = ['honest', 'attackers', 'search'] as const

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    sessions: { type: 'string', default: '150' },
    only: { type: 'string' },
    rules: { type: 'string', default: '' }
  }
})
const settings = { seed: positiveInteger('seed'), sessions: positiveInteger('sessions') }
if (values.only !== undefined && !TABLES.some((table) => table === values.only)) {
  throw new Error(`--only must be one of ${TABLES.join(', ')}`)
}
const isSelected = (table: (typeof TABLES)[number]) => (values.only ?? table) === table

console.log(`npm run simulate -- ${process.argv.slice(2).join(' ')}`)
console.log(`seed ${settings.seed}, ${settings.sessions} users of the first condition\n`)
const startedAt = performance.now()
const pattern = new RegExp(values.rules)
const columns = await columnsOf(pattern)
if (isSelected('honest')) {
  console.log('Logouts of honest users, per million refreshes:\n')
  console.log(`${await honestTable(columns, settings)}\n`)
}
if (isSelected('attackers')) {
  console.log('Time until reuse is detected (median, 95th percentile), and successful refreshes (median):\n')
  console.log(`${await attackersTable(columns, settings)}\n`)
}
if (isSelected('search')) {
  console.log('Best attackers of a random search (victims never sleep):\n')
  console.log(`${await searchTable(searchedRules(pattern), awakeVictims, settings)}\n`)
  console.log('Best attackers of a random search (victims sleep):\n')
  console.log(`${await searchTable(searchedRules(pattern), sleepingVictims, settings)}\n`)
}
const cpu = process.cpuUsage()
const [wallSeconds, cpuSeconds] = [performance.now() - startedAt, (cpu.user + cpu.system) / 1000].map(
  toSeconds
)
console.log(`${wallSeconds} s, ${cpuSeconds} s of CPU time`)

function toSeconds(ms: number): number {
  return Math.round(ms / 1000)
}

function positiveInteger(name: 'seed' | 'sessions'): number {
  const number = Number(values[name])
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} must be a positive integer`)
  return number
}

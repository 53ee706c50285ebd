import { appendFileSync, existsSync } from 'node:fs'
import type { Test } from 'tap'
import type { Fleet } from './fleet.js'

const COLUMNS = [
  ...['server', 'what happened', 'client', 'clients', 'refreshes', 'rotated', 'replayed', 'lost writes'],
  ...['503', 'without Retry-After', 'logged out', 'hung', 'longest response']
]

/** Prints a row of the table of `npm run test:topologies`. */
export function report(t: Test, what: string, { name, counts }: Fleet): void {
  const { clients, refreshes, rotated, replayed, rollbacks, unavailable, unexplained, hung } = counts
  const loggedOut = Object.values(counts.loggedOut).reduce((sum, count) => sum + count, 0)
  const numbers = [
    clients,
    refreshes,
    rotated,
    replayed,
    rollbacks,
    unavailable,
    unexplained,
    loggedOut,
    hung
  ]
  const cells = [process.env.SERVER_NAME ?? 'Redis', what, name, ...numbers, `${counts.longestMs} ms`]
  const row = line(cells)
  t.comment(row)
  const file = process.env.TOPOLOGIES
  if (!file) return
  const head = existsSync(file) ? '' : line(COLUMNS) + line(COLUMNS.map(() => '---'))
  appendFileSync(file, head + row)
}

function line(cells: (string | number)[]): string {
  return `| ${cells.join(' | ')} |\n`
}

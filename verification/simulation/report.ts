import { type Outcome, rob } from './attack-run.js'
import { adaptive } from './attackers/adaptive.js'
import type { Thief } from './attackers/attacker.js'
import { known } from './attackers/known.js'
import { describe } from './attackers/policy.js'
import { conditions, everyCondition } from './conditions.js'
import { liveHonestly } from './honest-clients.js'
import { search } from './search.js'
import type { Contestant } from './server.js'
import type { Column } from './strategies.js'
import { count, labelOf, minutes, quantile, table } from './tables.js'
import { HOUR } from './time.js'

export interface Settings {
  seed: number
  /** Users of the first condition. Conditions with more tabs have fewer users. */
  sessions: number
}

const HORIZON_MS = 12 * HOUR

/** Returns the logouts of honest sessions per million refreshes. */
export async function honestTable(columns: Column[], { seed, sessions }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const { name, weight, habits } of conditions) {
    const cells: string[] = []
    for (const { contestant, share } of columns) {
      const users = Math.max(1, Math.round((sessions / weight) * share))
      const { refreshes, loggedOut } = await liveHonestly(contestant, habits, users, `${seed} ${name}`)
      cells.push(`${count((loggedOut / refreshes) * 1e6)} (of ${millions(refreshes)})`)
    }
    rows.push([labelOf(name), ...cells])
  }
  return table(['condition', ...namesOf(columns)], rows)
}

function namesOf(columns: Column[]): string[] {
  return columns.map(({ contestant }) => labelOf(contestant.name))
}

function millions(refreshes: number): string {
  return `${(refreshes / 1e6).toFixed(2)} M`
}

/**
 * Returns, for each attacker, the share of attacks that were detected (unless all were), the median and the 95th
 * percentile of the time from the attacker's first refresh, and the number of refreshes.
 */
export async function thievesTable(columns: Column[], { seed, sessions }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const thief of [...known, ...adaptive]) {
    const cells: string[] = []
    for (const { contestant, share } of columns) {
      const thefts = Math.max(10, Math.round((sessions / 2) * share))
      const outcomes: Outcome[] = []
      for (let theft = 0; theft < thefts; theft++) {
        const at = { seed: `${seed} ${thief.name} ${theft}`, horizonMs: HORIZON_MS }
        outcomes.push(await rob(contestant, victimOf(thief), (loot) => thief.play(loot), at))
      }
      cells.push(thiefCell(outcomes))
    }
    const needs = thief.needs ? ` (${labelOf(thief.needs)})` : ''
    rows.push([`${labelOf(thief.name)}${needs}`, ...cells])
  }
  return table(['attacker', ...namesOf(columns)], rows)
}

function victimOf({ victim }: Thief) {
  const { oneTab, mobile, fiveTabs } = everyCondition()
  if (victim === 'everyday') return fiveTabs
  return { ...(victim === 'phone' ? mobile : oneTab), sleep: null }
}

function thiefCell(outcomes: Outcome[]): string {
  const times = outcomes.flatMap(({ foundOutMs }) => foundOutMs ?? [])
  const refreshes = quantile(
    outcomes.map((outcome) => outcome.refreshes),
    0.5
  )
  const share = times.length / outcomes.length
  if (share < 0.02) return `never (${count(refreshes)})`
  const often = share > 0.999 ? '' : `${Math.floor(share * 100)} %: `
  const [median, late] = [minutes(quantile(times, 0.5)), minutes(quantile(times, 0.95))]
  return `${often}${median === late ? median : `${median}, ${late}`} (${count(refreshes)})`
}

/** Returns the attackers with the longest access that a random search finds. */
export async function searchTable(contestants: Contestant[], { seed, sessions }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const contestant of contestants) {
    const tries = sessions * 5
    const [best] = await search(contestant, tries, `${seed} search`)
    if (!best) throw new Error('a search without a result')
    const { policy, accessMinutes, foundOut, thefts } = best
    const access = `${accessMinutes.toFixed(1)} of 180 min`
    const share = `${(foundOut * 100).toFixed(0)} % of ${thefts}`
    rows.push([labelOf(contestant.name), count(tries), access, share, describe(policy)])
  }
  return table(['rule', 'attackers tried', 'access of the best', 'detected', 'strategy of the best'], rows)
}

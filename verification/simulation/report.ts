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
import { count, minutes, quantile, table } from './tables.js'
import { HOUR } from './time.js'

export interface Settings {
  seed: number
  /** Users of the first condition; those with more tabs are fewer. */
  sessions: number
}

const HORIZON_MS = 12 * HOUR

/** Honest sessions that were logged out, per million refreshes. */
export async function honestTable(columns: Column[], { seed, sessions }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const { name, weight, habits } of conditions) {
    const cells: string[] = []
    for (const { contestant, share } of columns) {
      const users = Math.max(1, Math.round((sessions / weight) * share))
      const { refreshes, loggedOut } = await liveHonestly(contestant, habits, users, `${seed} ${name}`)
      cells.push(`${count((loggedOut / refreshes) * 1e6)} (of ${millions(refreshes)})`)
    }
    rows.push([name, ...cells])
  }
  return table(['condition', ...columns.map(({ contestant }) => contestant.name)], rows)
}

function millions(refreshes: number): string {
  return `${(refreshes / 1e6).toFixed(2)} M`
}

/** Found out (where not all were), median and 95th percentile of the time from his first refresh, refreshes. */
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
    rows.push([thief.needs ? `${thief.name} (${thief.needs})` : thief.name, ...cells])
  }
  return table(['thief', ...columns.map(({ contestant }) => contestant.name)], rows)
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

/** The best thieves that a search finds. */
export async function searchTable(contestants: Contestant[], { seed, sessions }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const contestant of contestants) {
    const tries = sessions * 5
    const [best] = await search(contestant, tries, `${seed} search`)
    if (!best) throw new Error('a search without a result')
    const { policy, accessMinutes, foundOut, thefts } = best
    const access = `${accessMinutes.toFixed(1)} of 180 min`
    const share = `${(foundOut * 100).toFixed(0)} % of ${thefts}`
    rows.push([contestant.name, count(tries), access, share, describe(policy)])
  }
  return table(['rule', 'thieves tried', 'access of the best', 'found out', 'his ways'], rows)
}

import { type AttackOutcome, runAttack } from './attack-run.js'
import { adaptive } from './attackers/adaptive.js'
import type { Attacker } from './attackers/attacker.js'
import { known } from './attackers/known.js'
import { describe } from './attackers/strategy.js'
import type { ClientBehavior } from './client-device.js'
import { conditions, victimBehaviors } from './conditions.js'
import { simulateUsers } from './honest-clients.js'
import type { Column } from './implementations.js'
import { seedNameOf } from './random.js'
import { search } from './search.js'
import type { Implementation } from './server.js'
import { count, duration, quantile, table } from './tables.js'
import { HOUR } from './timeline.js'

export interface Settings {
  seed: number
  /** Number of users of the first condition. Conditions with more tabs have fewer users. */
  sessions: number
}

const HORIZON_MS = 12 * HOUR

/** Returns a table of the logouts of honest users per million refreshes. */
export async function honestTable(all: Column[], { seed, sessions }: Settings): Promise<string> {
  const columns = all.filter(({ implementation }) => implementation.attackerHasKey !== false)
  const rows: string[][] = []
  for (const condition of conditions) {
    const { name, weight, behavior } = condition
    const cells: string[] = []
    for (const { implementation, share } of columns) {
      const users = Math.max(1, Math.round((sessions / weight) * share))
      const runSeed = `${seed} ${seedNameOf(condition)}`
      const { refreshes, loggedOut } = await simulateUsers(implementation, behavior, users, runSeed)
      cells.push(`${count((loggedOut / refreshes) * 1e6)} (of ${millions(refreshes)})`)
    }
    rows.push([name, ...cells])
  }
  return table(['condition', ...namesOf(columns)], rows)
}

function namesOf(columns: Column[]): string[] {
  return columns.map(({ implementation }) => implementation.name)
}

function millions(refreshes: number): string {
  return `${(refreshes / 1e6).toFixed(2)} M`
}

/**
 * Returns a table of the attackers.
 *
 * A cell shows the share of detected attacks (unless all were detected), the median and the 95th percentile of the time
 * from the attacker's first refresh to the detection, and the median number of refreshes. "No refresh" means that no attack
 * had a successful refresh, and that no victim was logged out.
 */
export async function attackersTable(columns: Column[], { seed, sessions }: Settings): Promise<string> {
  const rows: string[][] = []
  for (const attacker of [...known, ...adaptive]) {
    const cells: string[] = []
    for (const { implementation, share } of columns) {
      const attacks = Math.max(10, Math.round((sessions / 2) * share))
      const outcomes: AttackOutcome[] = []
      for (let i = 0; i < attacks; i++) {
        const settings = { seed: `${seed} ${seedNameOf(attacker)} ${i}`, horizonMs: HORIZON_MS }
        const attack = attacker.attack.bind(attacker)
        outcomes.push(await runAttack(implementation, victimOf(attacker), attack, settings))
      }
      cells.push(attackerCell(outcomes))
    }
    const needs = attacker.needs ? ` (${attacker.needs})` : ''
    rows.push([`${attacker.name}${needs}`, ...cells])
  }
  return table(['attacker', ...namesOf(columns)], rows)
}

function victimOf({ victim }: Attacker) {
  const { oneTab, mobile, fiveTabs } = victimBehaviors
  if (victim === 'everyday') return fiveTabs
  return { ...(victim === 'phone' ? mobile : oneTab), sleep: null }
}

function attackerCell(outcomes: AttackOutcome[]): string {
  const times = outcomes.flatMap(({ detectedMs }) => detectedMs ?? [])
  const refreshes = quantile(
    outcomes.map((outcome) => outcome.refreshes),
    0.5
  )
  if (outcomes.every(hasNoEffect)) return 'no refresh'
  const share = times.length / outcomes.length
  if (share < 0.02) return `never (${count(refreshes)})`
  const percentage = share > 0.999 ? '' : `${Math.floor(share * 100)} %: `
  const [median, percentile95] = [duration(quantile(times, 0.5)), duration(quantile(times, 0.95))]
  return `${percentage}${median === percentile95 ? median : `${median}, ${percentile95}`} (${count(refreshes)})`
}

function hasNoEffect({ refreshes, detectedMs, isVictimLoggedOut }: AttackOutcome): boolean {
  return refreshes === 0 && detectedMs === null && !isVictimLoggedOut
}

/** Returns a table of the attackers with the longest access that a random search found. */
export async function searchTable(
  implementations: Implementation[],
  victims: ClientBehavior[],
  { seed, sessions }: Settings
): Promise<string> {
  const rows: string[][] = []
  for (const implementation of implementations) {
    const tries = sessions * 5
    const [best] = await search(implementation, tries, `${seed} search`, victims)
    if (!best) throw new Error('the search returned no strategy')
    const { strategy, accessMinutes, detected, attacks } = best
    const access = `${accessMinutes.toFixed(1)} of 180 min`
    const share = `${(detected * 100).toFixed(0)} % of ${attacks}`
    rows.push([implementation.name, count(tries), access, share, describe(strategy)])
  }
  return table(['rule', 'attackers tried', 'access of the best', 'detected', 'strategy of the best'], rows)
}

// `npm run state-space` searches each configuration for at most a minute, and computes the longest access of an attacker.
// The exit code is 1 if the plugin's rule breaks an invariant.

import { exploreGame, type GameSettings } from './adversary-game.js'
import { games } from './adversary-games.js'
import { brokenRules, cooldownFromLastCopy } from './broken-rules.js'
import { type Configuration, configurations, HALVES, QUARTERS, settingsOf } from './configurations.js'
import { longestGame } from './longest-game.js'
import { type Rule, realRule } from './rule.js'
import { type SearchResult, search } from './search.js'
import { ACCESS_TTL, W } from './state.js'
import { BOUNDARIES } from './transitions.js'

const MINUTE = 60_000
const EIGHTHS = [W / 8]
const GRIDS = new Map([
  [HALVES, 'W/2'],
  [QUARTERS, 'W/4'],
  [EIGHTHS, 'W/8'],
  [BOUNDARIES, 'boundaries']
])
const RULES = new Map<Rule, string>([
  [realRule, 'the rule of the plugin'],
  [cooldownFromLastCopy, 'cooldown from the last copy'],
  [brokenRules.cooldownFromIssuance, 'cooldown from issuance'],
  [brokenRules.noConflict, 'no conflict']
])

let isBroken = false

function reportSearch(configuration: Configuration, rule: Rule, steps: number[], maxMs = MINUTE): void {
  const result = search(settingsOf(configuration, { rule, steps }), configuration.invariants, {
    maxDepth: Number.POSITIVE_INFINITY,
    maxMs
  })
  console.log(`${configuration.name}; ${RULES.get(rule)}; ${GRIDS.get(steps)}: ${summarize(result)}`)
  if (!result.violation) return
  console.log(`  ${result.violation.message}:\n    ${result.violation.trace.join('\n    ')}`)
  if (rule === realRule) isBroken = true
}

function summarize({ states, transitions, depth, isComplete, seconds }: SearchResult): string {
  const covered = isComplete ? 'any depth' : `depth ${depth}`
  return `${covered}, ${states} states, ${transitions} transitions, ${seconds.toFixed(1)} s`
}

function reportGame(name: string, rule: Rule, settings: Omit<GameSettings, 'rule'>): void {
  const startedAt = performance.now()
  const { edges, ...rest } = exploreGame({ rule, ...settings })
  const { time, pairs, trace } = longestGame({ edges, ...rest })
  const turns = edges.reduce((sum, { length }) => sum + length, 0)
  const seconds = (performance.now() - startedAt) / 1000
  console.log(
    `victim ${name}; ${RULES.get(rule)}: at most ${time / W} W, ${pairs} pairs; ` +
      `${edges.length} positions, ${turns} turns, ${seconds.toFixed(1)} s\n    ${shorten(trace, settings.step)}`
  )
}

/** The session is bound to a key, and the attacker has copied the key as well. */
function reportBoundGame(name: string, settings: Omit<GameSettings, 'rule'>): void {
  reportGame(`of a bound session ${name}`, realRule, { ...settings, boundAccessTtl: settings.accessTtl })
}

function shorten(trace: string[], step: number): string {
  return trace
    .join('; ')
    .replaceAll(/(time passes; )+/g, (waits) => `wait ${(waits.split(';').length - 1) * (step / W)} W; `)
}

reportSearch(configurations.noLoss, realRule, HALVES)
reportSearch(configurations.noLoss, realRule, QUARTERS)
reportSearch(configurations.noLoss, realRule, EIGHTHS)
reportSearch(
  { ...configurations.noLoss, settings: { ...configurations.noLoss.settings, tabs: 3 } },
  realRule,
  HALVES
)
reportSearch(configurations.failover, realRule, HALVES)
for (const { name, settings, invariants } of [configurations.noLoss, configurations.losses]) {
  const bound = { ...settings, boundAccessTtl: ACCESS_TTL }
  reportSearch({ name: `${name}, bound session`, settings: bound, invariants }, realRule, HALVES)
}
reportSearch(configurations.noLoss, realRule, BOUNDARIES)
reportSearch(configurations.failover, realRule, BOUNDARIES)
reportSearch(configurations.everything, realRule, BOUNDARIES)
reportSearch(configurations.everythingAndFailover, realRule, BOUNDARIES)
reportSearch(configurations.losses, brokenRules.cooldownFromIssuance, BOUNDARIES)
reportSearch(configurations.losses, brokenRules.cooldownFromIssuance, HALVES)
reportSearch(configurations.slow, brokenRules.cooldownFromIssuance, HALVES)
reportSearch(configurations.losses, cooldownFromLastCopy, HALVES)
reportSearch(configurations.losses, cooldownFromLastCopy, QUARTERS)
reportSearch(
  { ...configurations.losses, settings: { ...configurations.losses.settings, tabs: 3 } },
  cooldownFromLastCopy,
  HALVES
)
reportSearch(configurations.slow, cooldownFromLastCopy, QUARTERS)
reportSearch(configurations.losses, cooldownFromLastCopy, BOUNDARIES)
// On such a network both rules log honest clients out. The number of steps differs.
for (const rule of [brokenRules.noConflict, cooldownFromLastCopy]) {
  reportSearch(configurations.verySlow, rule, HALVES)
}
for (const rule of [brokenRules.cooldownFromIssuance, brokenRules.noConflict, cooldownFromLastCopy]) {
  reportGame('refreshes every 10 W and confirms', rule, games.confirms(10))
  reportGame('refreshes within every 4 W and confirms', rule, games.anyTime(4))
  reportGame('refreshes after 4 to 8 W and confirms', rule, games.late(4))
  reportGame('refreshes every 4 W and never confirms', rule, games.neverConfirms(4))
}
// Not with longer pauses of the victim, whose positions do not fit into the memory of a process.
reportBoundGame('refreshes within every 4 W and confirms', games.anyTime(4))
reportBoundGame('refreshes after 4 to 8 W and confirms', games.late(4))
process.exitCode = isBroken ? 1 : 0

// `npm run state-space`: every world as deep as a minute goes, and the thief's longest stay. Ends with 1 where a
// promise is broken that the rule keeps.

import { type DuelSettings, playOut } from './adversary-game.js'
import { duels } from './adversary-games.js'
import { brokenRules, restSinceTheLastCopy } from './broken-rules.js'
import { HALVES, QUARTERS, type SmallWorld, settingsOf, worlds } from './configurations.js'
import { longestStay } from './longest-game.js'
import { type Rule, realRule } from './rule.js'
import { type Found, search } from './search.js'
import { W } from './state.js'
import { BOUNDARIES } from './transitions.js'

const MINUTE = 60_000
const EIGHTHS = [W / 8]
const GRIDS = new Map([
  [HALVES, 'W/2'],
  [QUARTERS, 'W/4'],
  [EIGHTHS, 'W/8'],
  [BOUNDARIES, 'boundaries']
])
const RULES = new Map([
  [realRule, 'the rule'],
  [restSinceTheLastCopy, 'rest since the last copy'],
  [brokenRules.restSinceTheMinting, 'rest since the minting']
])

let isBroken = false

function explore(world: SmallWorld, rule: Rule, steps: number[], maxMs = MINUTE): void {
  const found = search(settingsOf(world, { rule, steps }), world.promises, {
    maxDepth: Number.POSITIVE_INFINITY,
    maxMs
  })
  console.log(`${world.name}; ${RULES.get(rule)}; ${GRIDS.get(steps)}: ${told(found)}`)
  if (!found.violation) return
  console.log(`  ${found.violation.what}:\n    ${found.violation.story.join('\n    ')}`)
  if (rule === realRule) isBroken = true
}

function told({ states, transitions, depth, isWhole, seconds }: Found): string {
  const covered = isWhole ? 'any depth' : `depth ${depth}`
  return `${covered}, ${states} states, ${transitions} transitions, ${seconds.toFixed(1)} s`
}

function duel(name: string, rule: Rule, settings: Omit<DuelSettings, 'rule'>): void {
  const startedAt = performance.now()
  const { edges, ...rest } = playOut({ rule, ...settings })
  const { time, pairs, story } = longestStay({ edges, ...rest })
  const turns = edges.reduce((sum, { length }) => sum + length, 0)
  const seconds = (performance.now() - startedAt) / 1000
  console.log(
    `thief and victim, ${name}; ${RULES.get(rule)}: at most ${time / W} W, ${pairs} pairs; ` +
      `${edges.length} positions, ${turns} turns, ${seconds.toFixed(1)} s\n    ${shorter(story, settings.step)}`
  )
}

function shorter(story: string[], step: number): string {
  return story
    .join('; ')
    .replaceAll(/(time passes; )+/g, (waits) => `${(waits.split(';').length - 1) * (step / W)} W pass; `)
}

explore(worlds.nothingLost, realRule, HALVES)
explore(worlds.nothingLost, realRule, QUARTERS)
explore(worlds.nothingLost, realRule, EIGHTHS)
explore({ ...worlds.nothingLost, settings: { ...worlds.nothingLost.settings, tabs: 3 } }, realRule, HALVES)
explore(worlds.failover, realRule, HALVES)
explore(worlds.nothingLost, realRule, BOUNDARIES)
explore(worlds.failover, realRule, BOUNDARIES)
explore(worlds.everything, realRule, BOUNDARIES)
explore(worlds.everythingAndFailover, realRule, BOUNDARIES)
explore(worlds.someLost, brokenRules.restSinceTheMinting, BOUNDARIES)
explore(worlds.someLost, brokenRules.restSinceTheMinting, HALVES)
explore(worlds.slow, brokenRules.restSinceTheMinting, HALVES)
explore(worlds.someLost, restSinceTheLastCopy, HALVES)
explore(worlds.someLost, restSinceTheLastCopy, QUARTERS)
explore(
  { ...worlds.someLost, settings: { ...worlds.someLost.settings, tabs: 3 } },
  restSinceTheLastCopy,
  HALVES
)
explore(worlds.slow, restSinceTheLastCopy, QUARTERS)
explore(worlds.someLost, restSinceTheLastCopy, BOUNDARIES)
for (const rule of [brokenRules.restSinceTheMinting, restSinceTheLastCopy]) {
  duel('who refreshes every 10 W and confirms', rule, duels.confirms(10))
  duel('who refreshes within every 4 W and confirms', rule, duels.anyTime(4))
  duel('who refreshes after 4 to 8 W and confirms', rule, duels.late(4))
  duel('who refreshes every 4 W and never confirms', rule, duels.neverConfirms(4))
}
process.exitCode = isBroken ? 1 : 0

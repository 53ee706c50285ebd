import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../lib/tokens/refresh-token.js'
import { createFamily } from '../../lib/tokens/session-id.js'
import { exploreGame } from '../../verification/state-space/adversary-game.js'
import { games } from '../../verification/state-space/adversary-games.js'
import { brokenRules, cooldownFromLastCopy } from '../../verification/state-space/broken-rules.js'
import { canonical } from '../../verification/state-space/canonical.js'
import {
  type Configuration,
  configurations,
  HALVES,
  QUARTERS,
  settingsOf
} from '../../verification/state-space/configurations.js'
import { neverRestored } from '../../verification/state-space/invariants.js'
import { longestGame } from '../../verification/state-space/longest-game.js'
import { pack, unpack } from '../../verification/state-space/pack.js'
import { type Rule, realRule } from '../../verification/state-space/rule.js'
import {
  type Invariant,
  initialStateOf,
  type Limits,
  type SearchResult,
  search
} from '../../verification/state-space/search.js'
import { confirm, refresh, type ServerSettings, silenceOf } from '../../verification/state-space/server.js'
import {
  ACCESS_TTL,
  type Copy,
  type State,
  stateAfterLogin,
  W
} from '../../verification/state-space/state.js'
import { BOUNDARIES, transitionsOf } from '../../verification/state-space/transitions.js'
import { effort } from '../support/effort.js'

const UNLIMITED: Limits = { maxDepth: Number.POSITIVE_INFINITY }

function explore(
  configuration: Configuration,
  rule: Rule,
  steps: readonly number[],
  limits = UNLIMITED
): SearchResult {
  return search(settingsOf(configuration, { rule, steps }), configuration.invariants, limits)
}

function summarize({ states, transitions, depth, isComplete, seconds, violation }: SearchResult): string {
  const covered = isComplete ? 'any depth' : `depth ${depth}`
  const counts = `${covered}: ${states} states, ${transitions} transitions, ${seconds.toFixed(1)} s`
  return violation ? `${counts}\n${violation.message}\n  ${violation.trace.join('\n  ')}` : counts
}

/** Returns the rows that decide, with `conflict` for a conflict, if all held tokens are presented one after another, after a wait. */
function rowsOf(state: State, settings: ServerSettings, wait: number): unknown[] {
  const rows: unknown[] = []
  let next: State = { ...state, now: state.now + wait }
  for (const { copy } of [{ copy: state.cookie }, ...state.pendingRefreshes]) {
    if (!copy) continue
    const used = refresh(next, copy, settings)
    rows.push(used.isConflict ? 'conflict' : used.row)
    next = { ...used.state, now: used.state.now + 1 }
  }
  return rows
}

t.test('the canonical state has the same transitions as the full state', async (t) => {
  const walk = (rule: Rule, boundAccessTtl?: number) => (choices: number[]) => {
    const { everything } = configurations
    const settings = settingsOf(everything, { rule, steps: HALVES, logout: false, boundAccessTtl })
    let state = initialStateOf(settings)
    for (const choice of choices) {
      const transitions = [...transitionsOf(state, settings)]
      state = transitions[choice % transitions.length]?.state ?? state
      // A revoked session has no valid tokens to compare.
      if (!state.store) return
      // The order of the tabs can differ, so that each pending refresh is compared alone.
      for (const pending of [...state.pendingRefreshes, null]) {
        const pendingRefreshes = pending ? [pending] : []
        const short = unpack(pack(canonical({ ...state, pendingRefreshes }, silenceOf(settings))))
        for (const wait of [0, W / 2, W, 2 * W, 3 * W, 7 * W]) {
          const full = { ...state, pendingRefreshes }
          deepStrictEqual(rowsOf(short, settings, wait), rowsOf(full, settings, wait))
        }
      }
    }
  }
  const choices = fc.array(fc.nat(), { minLength: 20, maxLength: 60 })
  for (const [rule, boundAccessTtl] of [
    [realRule],
    [cooldownFromLastCopy],
    [realRule, ACCESS_TTL]
  ] as const) {
    fc.assert(fc.property(choices, walk(rule, boundAccessTtl)), { numRuns: effort(20, 100) })
  }
  t.pass('every random walk')
})

function withoutLosses({ settings, ...configuration }: Configuration): Configuration {
  return { ...configuration, settings: { ...settings, canLose: false } }
}

/** These searches are complete: the result holds for every order of transitions. */
t.test('no invariant is violated at any depth', async (t) => {
  for (const [configuration, rule, steps] of [
    [configurations.noLoss, realRule, HALVES],
    [configurations.losses, cooldownFromLastCopy, HALVES],
    ...effort([], [
      [configurations.noLoss, realRule, QUARTERS],
      [withoutLosses(configurations.failover), realRule, HALVES],
      [configurations.slow, cooldownFromLastCopy, HALVES]
    ] as const)
  ] as const) {
    const result = explore(configuration, rule, steps)
    t.equal(result.violation, null, summarize(result))
    t.ok(result.isComplete, configuration.name)
  }
})

t.test('no invariant is violated at any depth if the session is bound to a key', async (t) => {
  const { noLoss, losses } = configurations
  for (const { settings, ...configuration } of effort([noLoss], [noLoss, losses])) {
    const bound = { ...configuration, settings: { ...settings, boundAccessTtl: ACCESS_TTL } }
    const result = explore(bound, realRule, HALVES)
    t.equal(result.violation, null, summarize(result))
    t.ok(result.isComplete, configuration.name)
  }
})

t.test('no invariant is violated at the boundaries of the rule, up to a depth', async (t) => {
  for (const [configuration, maxDepth] of [
    [configurations.noLoss, effort(8, 11)],
    [configurations.failover, effort(6, 8)],
    [configurations.everything, effort(5, 6)],
    [configurations.everythingAndFailover, effort(5, 6)]
  ] as const) {
    const result = explore(configuration, realRule, BOUNDARIES, { maxDepth })
    t.equal(result.violation, null, summarize(result))
  }
})

t.test(
  'a cooldown from issuance logs honest clients out, and a cooldown from the last copy does not',
  async (t) => {
    const { violation, ...result } = explore(configurations.losses, brokenRules.cooldownFromIssuance, HALVES)
    t.match(violation?.message, 'logged out', summarize({ ...result, violation }))
    t.equal(explore(configurations.losses, cooldownFromLastCopy, HALVES).violation, null)
  }
)

t.test(
  'without conflicts a late request logs an honest client out, which otherwise takes more',
  async (t) => {
    const shortest = (rule: Rule) => explore(configurations.verySlow, rule, HALVES).violation
    const [without, violation] = [shortest(brokenRules.noConflict), shortest(realRule)]
    t.match(without?.message, 'logged out by row 8')
    t.equal(without?.trace.length, 8)
    t.match(violation?.message, 'logged out by row 5')
    t.equal(violation?.trace.length, 17)
  }
)

t.test(
  'a session that a failover restored stays revoked only while the process has the revocation',
  async (t) => {
    const { invariants: _, ...configuration } = configurations.everythingAndFailover
    const result = explore({ ...configuration, invariants: [neverRestored] }, realRule, [ACCESS_TTL], {
      maxDepth: 8
    })
    t.match(result.violation?.message, 'is restored', summarize(result))
    t.ok(result.violation?.trace.includes('the replica takes over'))
  }
)

t.test('no attacker stays beside a user who returns and confirms', async (t) => {
  for (const [name, settings, most] of [
    ['regular', games.confirms(4), 2 * ACCESS_TTL],
    ['at any time', games.anyTime(4), 13 * W]
  ] as const) {
    const { time, pairs, trace } = longestGame(exploreGame({ rule: realRule, ...settings }))
    t.equal(time, most, `${name}: ${pairs} pairs: ${trace.join('; ')}`)
  }
})

t.test('an attacker with the key of a bound session has more time beside a late user', async (t) => {
  if (effort(true, false)) return t.comment('only in thorough runs, because the game is large')
  const longestTime = (boundAccessTtl?: number) =>
    longestGame(exploreGame({ rule: realRule, ...games.late(4), boundAccessTtl })).time
  t.equal(longestTime(), 16 * W)
  t.equal(longestTime(ACCESS_TTL), 24 * W)
})

t.test('the cooldown from the last copy ends an attack beside a user who never confirms', async (t) => {
  const longestTime = (rule: Rule) => longestGame(exploreGame({ rule, ...games.neverConfirms(4) })).time
  t.equal(longestTime(brokenRules.cooldownFromIssuance), Number.POSITIVE_INFINITY)
  t.equal(longestTime(cooldownFromLastCopy), 5 * ACCESS_TTL)
})

t.test(
  'two diverged copies are detected at the next refresh of the other party after the cooldown',
  async (t) => {
    const settings = { rule: realRule, untilConfirmed: true }
    const start = stateAfterLogin()
    const copied = start.cookie as Copy
    const attacker = refresh(start, copied, settings)
    const later = { ...attacker.state, now: 2 * W }
    const victim = refresh(later, copied, settings)
    t.same([attacker.row, victim.row], [4, 6], 'an attacker looks like a lost response')
    t.not(attacker.copy?.at, victim.copy?.at)

    const used = confirm(victim.state, 2, settings)
    const rested = { ...used, now: 5 * W }
    for (const [first, second] of [
      [attacker.copy, victim.copy],
      [victim.copy, attacker.copy]
    ] as [Copy, Copy][]) {
      const rotation = refresh(rested, first, settings)
      t.equal(rotation.row, 4, 'the next refresh of either party rotates')
      const reuse = refresh(rotation.state, second, settings)
      t.equal(reuse.row, 5, 'the next refresh of the other party is reuse')
      t.equal(reuse.state.store, null)
    }
  }
)

t.test('every broken rule is detected', async (t) => {
  const cases: [keyof typeof brokenRules, Configuration | 'game'][] = [
    ['noCooldown', configurations.noLoss],
    ['cooldownOfOneGrace', 'game'],
    ['cooldownOfTwoGraces', 'game'],
    ['cooldownFromIssuance', configurations.losses],
    ['noRow5', 'game'],
    ['row5ForRotatedCopy', configurations.failover],
    ['noRow6', configurations.noLoss],
    ['noRow7', configurations.noLoss],
    ['row7FromIssuance', configurations.noLoss],
    ['conflictForReuse', 'game'],
    ['parentAlwaysAccepted', 'game'],
    ['strict', configurations.noLoss],
    ['copiesWithSameTime', configurations.noLoss],
    ['noRow9', configurations.failover]
  ]
  const quick = cases.filter(([, by]) => by === configurations.noLoss)
  for (const [name, by] of effort(quick, cases)) {
    const rule = brokenRules[name]
    if (by === 'game') {
      const { time, trace } = longestGame(exploreGame({ rule, ...games.confirms(4) }))
      t.equal(
        time,
        Number.POSITIVE_INFINITY,
        `${name}: the attacker's access is unlimited: ${trace.join('; ')}`
      )
      continue
    }
    const result = explore(by, rule, HALVES)
    t.ok(result.violation, `${name}: ${summarize(result)}`)
  }
})

t.test('a token that was never issued fails the MAC check', async (t) => {
  const codec = createRefreshTokenCodec(deriveKeys([Buffer.alloc(32, 1)], 'frt:'))
  const [ours, others] = [createFamily('ada'), createFamily('ada')]
  const issued = new Map<string, Copy>()
  const collect: Invariant = (_before, { use }) => {
    if (use?.copy) issued.set(`${use.copy.gen} ${use.copy.at}`, use.copy)
    return null
  }
  search(settingsOf(configurations.everything, { rule: realRule, steps: HALVES }), [collect], { maxDepth: 9 })
  const tokens = [...issued.values()].map(({ gen, at }) => codec.issue(ours, gen, at))
  let forged = 0
  for (const token of tokens) {
    const mac = Buffer.from(token, 'base64url').subarray(37)
    for (const { gen, at } of issued.values()) {
      for (const [family, otherGen, otherAt] of [
        [ours, gen, at],
        [ours, gen + 1, at],
        [ours, gen, at + 1],
        [others, gen, at]
      ] as const) {
        const body = Buffer.from(codec.issue(family, otherGen, otherAt), 'base64url').subarray(0, 37)
        const forgery = Buffer.concat([body, mac]).toString('base64url')
        if (forgery === token) continue
        forged++
        if (codec.parse(forgery)) t.fail(`${otherGen}@${otherAt} is accepted`)
      }
    }
  }
  t.ok(forged > 500, `${forged} forgeries`)
})

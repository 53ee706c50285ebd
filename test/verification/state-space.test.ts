import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { deriveKeys } from '../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../lib/tokens/refresh-token.js'
import { createFamily } from '../../lib/tokens/session-id.js'
import { playOut } from '../../verification/state-space/adversary-game.js'
import { duels } from '../../verification/state-space/adversary-games.js'
import { brokenRules, restSinceTheLastCopy } from '../../verification/state-space/broken-rules.js'
import { canonical } from '../../verification/state-space/canonical.js'
import {
  HALVES,
  QUARTERS,
  type SmallWorld,
  settingsOf,
  worlds
} from '../../verification/state-space/configurations.js'
import { neverComesBack } from '../../verification/state-space/invariants.js'
import { longestStay } from '../../verification/state-space/longest-game.js'
import { pack, unpack } from '../../verification/state-space/pack.js'
import { type Rule, realRule } from '../../verification/state-space/rule.js'
import {
  type Found,
  type Invariant,
  type Limits,
  search,
  startOf
} from '../../verification/state-space/search.js'
import { confirm, refresh } from '../../verification/state-space/server.js'
import { ACCESS_TTL, beginning, type Copy, W, type World } from '../../verification/state-space/state.js'
import { BOUNDARIES, movesOf } from '../../verification/state-space/transitions.js'
import { effort } from '../support/effort.js'

const WHOLE: Limits = { maxDepth: Number.POSITIVE_INFINITY }

function explore(world: SmallWorld, rule: Rule, steps: readonly number[], limits = WHOLE): Found {
  return search(settingsOf(world, { rule, steps }), world.promises, limits)
}

function told({ states, transitions, depth, isWhole, seconds, violation }: Found): string {
  const covered = isWhole ? 'any depth' : `depth ${depth}`
  const counts = `${covered}: ${states} states, ${transitions} transitions, ${seconds.toFixed(1)} s`
  return violation ? `${counts}\n${violation.what}\n  ${violation.story.join('\n  ')}` : counts
}

/** What happens to all that is on its way, one after another, after some time. */
function rowsOf(world: World, rule: Rule, wait: number): number[] {
  const rows: number[] = []
  let next: World = { ...world, now: world.now + wait }
  for (const { copy } of [{ copy: world.jar }, ...world.flights]) {
    if (!copy) continue
    const used = refresh(next, copy, { rule, untilConfirmed: true })
    rows.push(used.row)
    next = { ...used.world, now: used.world.now + 1 }
  }
  return rows
}

t.test('what a state leaves out changes nothing', async (t) => {
  const walk = (rule: Rule) => (choices: number[]) => {
    const settings = settingsOf(worlds.everything, { rule, steps: HALVES, logout: false })
    let world = startOf(settings)
    for (const choice of choices) {
      const moves = [...movesOf(world, settings)]
      world = moves[choice % moves.length]?.world ?? world
      // A session that is over has no tokens left to tell apart.
      if (!world.store) return
      // Tabs may have changed places: each alone, then.
      for (const flight of [...world.flights, null]) {
        const flights = flight ? [flight] : []
        const short = unpack(pack(canonical({ ...world, flights })))
        for (const wait of [0, W / 2, W, 2 * W, 3 * W]) {
          deepStrictEqual(rowsOf(short, rule, wait), rowsOf({ ...world, flights }, rule, wait))
        }
      }
    }
  }
  const choices = fc.array(fc.nat(), { minLength: 20, maxLength: 60 })
  for (const rule of [realRule, restSinceTheLastCopy]) {
    fc.assert(fc.property(choices, walk(rule)), { numRuns: effort(20, 100) })
  }
  t.pass('every walk')
})

function withoutLosses({ settings, ...world }: SmallWorld): SmallWorld {
  return { ...world, settings: { ...settings, loses: false } }
}

/** Gone through to the end: what is shown holds for every order of moves, however many. */
t.test('in a world without an end of moves, no promise is broken', async (t) => {
  for (const [world, rule, steps] of [
    [worlds.nothingLost, realRule, HALVES],
    ...effort([], [[worlds.nothingLost, realRule, QUARTERS] as const]),
    [withoutLosses(worlds.failover), realRule, HALVES],
    [worlds.someLost, restSinceTheLastCopy, HALVES],
    [worlds.slow, restSinceTheLastCopy, HALVES]
  ] as const) {
    const found = explore(world, rule, steps)
    t.equal(found.violation, null, told(found))
    t.ok(found.isWhole, world.name)
  }
})

t.test('around the boundaries of the rule, no promise is broken up to a depth', async (t) => {
  for (const [world, maxDepth] of [
    [worlds.nothingLost, effort(8, 11)],
    [worlds.failover, effort(6, 8)],
    [worlds.everything, effort(5, 6)],
    [worlds.everythingAndFailover, effort(5, 6)]
  ] as const) {
    const found = explore(world, realRule, BOUNDARIES, { maxDepth })
    t.equal(found.violation, null, told(found))
  }
})

t.test(
  'an unconfirmed generation that rests since its minting logs honest clients out, since its last copy none',
  async (t) => {
    const { violation, ...found } = explore(worlds.someLost, brokenRules.restSinceTheMinting, HALVES)
    t.match(violation?.what, 'logged out', told({ ...found, violation }))
    t.equal(explore(worlds.someLost, restSinceTheLastCopy, HALVES).violation, null)
  }
)

t.test('a session that a failover brought back stays ended only while the process knows', async (t) => {
  const { promises: _, ...world } = worlds.everythingAndFailover
  const found = explore({ ...world, promises: [neverComesBack] }, realRule, [ACCESS_TTL], { maxDepth: 8 })
  t.match(found.violation?.what, 'comes back', told(found))
  t.ok(found.violation?.story.includes('the replica takes over'))
})

t.test('no thief stays beside a victim who comes back and confirms', async (t) => {
  for (const [name, settings, most] of [
    ['punctual', duels.confirms(4), 2 * ACCESS_TTL],
    ['at any time', duels.anyTime(4), 13 * W]
  ] as const) {
    const { time, pairs, story } = longestStay(playOut({ rule: realRule, ...settings }))
    t.equal(time, most, `${name}: ${pairs} pairs: ${story.join('; ')}`)
  }
})

t.test('beside a victim who never confirms, it is the rest since the last copy that ends it', async (t) => {
  const stay = (rule: Rule) => longestStay(playOut({ rule, ...duels.neverConfirms(4) })).time
  t.equal(stay(brokenRules.restSinceTheMinting), Number.POSITIVE_INFINITY)
  t.equal(stay(restSinceTheLastCopy), 5 * ACCESS_TTL)
})

t.test(
  'after two jars hold two copies, the first refresh past the rest rotates, and the other side ends the session',
  async (t) => {
    const settings = { rule: realRule, untilConfirmed: true }
    const start = beginning()
    const copied = start.jar as Copy
    const thief = refresh(start, copied, settings)
    const later = { ...thief.world, now: 2 * W }
    const victim = refresh(later, copied, settings)
    t.same([thief.row, victim.row], [4, 6], 'nothing tells the thief from a lost answer')
    t.not(thief.copy?.at, victim.copy?.at)

    const used = confirm(victim.world, 2, settings)
    const rested = { ...used, now: 5 * W }
    for (const [first, second] of [
      [thief.copy, victim.copy],
      [victim.copy, thief.copy]
    ] as [Copy, Copy][]) {
      const rotation = refresh(rested, first, settings)
      t.equal(rotation.row, 4, 'it is not the next refresh of either side that ends it')
      const reuse = refresh(rotation.world, second, settings)
      t.equal(reuse.row, 5, 'it is the next of the other side, at once')
      t.equal(reuse.world.store, null)
    }
  }
)

t.test('what breaks the rule is found', async (t) => {
  const caught: [keyof typeof brokenRules, SmallWorld | 'duel'][] = [
    ['noRest', worlds.nothingLost],
    ['restOfOneGrace', 'duel'],
    ['restOfTwoGraces', 'duel'],
    ['restSinceTheMinting', worlds.someLost],
    ['noRow5', 'duel'],
    ['row5ForTheSameCopy', worlds.failover],
    ['noRow6', worlds.nothingLost],
    ['noRow7', worlds.nothingLost],
    ['row7SinceTheMinting', worlds.nothingLost],
    ['parentAlwaysFine', 'duel'],
    ['strict', worlds.nothingLost],
    ['copiesOfOneTime', worlds.nothingLost],
    ['noRow9', worlds.failover]
  ]
  for (const [name, by] of caught) {
    const rule = brokenRules[name]
    if (by === 'duel') {
      const { time, story } = longestStay(playOut({ rule, ...duels.confirms(4) }))
      t.equal(time, Number.POSITIVE_INFINITY, `${name}: the thief stays: ${story.join('; ')}`)
      continue
    }
    const found = explore(by, rule, HALVES)
    t.ok(found.violation, `${name}: ${told(found)}`)
  }
})

t.test('a token that was never issued reaches no rule: the MAC of another does not fit', async (t) => {
  const codec = createRefreshTokenCodec(deriveKeys([Buffer.alloc(32, 1)], 'frt:'))
  const [ours, others] = [createFamily('ada'), createFamily('ada')]
  const issued = new Map<string, Copy>()
  const collect: Invariant = (_before, { use }) => {
    if (use?.copy) issued.set(`${use.copy.gen} ${use.copy.at}`, use.copy)
    return null
  }
  search(settingsOf(worlds.everything, { rule: realRule, steps: HALVES }), [collect], { maxDepth: 9 })
  const tokens = [...issued.values()].map(({ gen, at }) => codec.issue(ours, gen, at))
  let forged = 0
  for (const token of tokens) {
    const mac = Buffer.from(token, 'base64url').subarray(32)
    for (const { gen, at } of issued.values()) {
      for (const [family, otherGen, otherAt] of [
        [ours, gen, at],
        [ours, gen + 1, at],
        [ours, gen, at + 1],
        [others, gen, at]
      ] as const) {
        const body = Buffer.from(codec.issue(family, otherGen, otherAt), 'base64url').subarray(0, 32)
        const forgery = Buffer.concat([body, mac]).toString('base64url')
        if (forgery === token) continue
        forged++
        if (codec.parse(forgery)) t.fail(`${otherGen}@${otherAt} passes`)
      }
    }
  }
  t.ok(forged > 500, `${forged} forgeries`)
})

import t from 'tap'
import { runAttack } from '../../verification/simulation/attack-run.js'
import { adaptive } from '../../verification/simulation/attackers/adaptive.js'
import { known } from '../../verification/simulation/attackers/known.js'
import { conditions, victimBehaviors } from '../../verification/simulation/conditions.js'
import { simulateUsers } from '../../verification/simulation/honest-clients.js'
import {
  boundSession,
  cooldownFromIssuance,
  noConflict,
  ruleAlone
} from '../../verification/simulation/implementations.js'
import { seedNameOf } from '../../verification/simulation/random.js'
import { strict } from '../../verification/simulation/rules/published-rules.js'
import { implement } from '../../verification/simulation/rules/rule.js'
import { sessionService } from '../../verification/simulation/rules/session-service.js'
import { thisPlugin } from '../../verification/simulation/rules/this-plugin.js'
import { awakeVictims, search } from '../../verification/simulation/search.js'
import type { Implementation } from '../../verification/simulation/server.js'
import { HOUR, SECOND } from '../../verification/simulation/timeline.js'

const GRACE_MS = 30 * SECOND
const seed = process.env.SIMULATION_SEED ?? '1'

t.beforeEach((t) => t.comment(`SIMULATION_SEED=${seed}`))

const conditionOf = (name: RegExp) => conditions.find((condition) => name.test(condition.name))!

t.test('the same seed gives the same result, and another seed a different one', async (t) => {
  const { behavior } = conditionOf(/^one tab, lossy/)
  const run = (seed: string) => simulateUsers(implement(strict), behavior, 2, seed)
  const first = await run(seed)
  t.ok(first.refreshes > 500)
  t.same(await run(seed), first)
  t.notSame(await run(`not ${seed}`), first)
})

t.test('the rule alone responds as the session service with the memory store', async (t) => {
  for (const isBound of [false, true]) {
    const binding = isBound ? { name: 'bound', attackerHasKey: true } : undefined
    const service = await sessionService(GRACE_MS, binding)
    for (const condition of conditions) {
      const { name, behavior } = condition
      const run = (implementation: Implementation) =>
        simulateUsers(implementation, behavior, 1, `${seed} ${seedNameOf(condition)}`, 24 * HOUR)
      t.same(await run(service), await run(implement(thisPlugin(GRACE_MS, isBound))), name)
    }
  }
})

t.test('honest clients are not logged out', async (t) => {
  for (const name of [/^one tab, 0.1 %/, /^one tab, lossy/, /^five tabs/]) {
    const { behavior } = conditionOf(name)
    const { refreshes, loggedOut } = await simulateUsers(implement(thisPlugin(GRACE_MS)), behavior, 2, seed)
    t.ok(refreshes > 1000)
    t.equal(loggedOut, 0, String(name))
  }
})

t.test('a browser that is killed before it saves its cookie is logged out', async (t) => {
  const { behavior } = conditionOf(/after 1 to 12 hours/)
  const logouts = async (implementation: Implementation) =>
    (await simulateUsers(implementation, behavior, 2, seed)).loggedOut
  t.ok((await logouts(ruleAlone())) > 0)
  t.equal(await logouts(boundSession()), 0, 'but not if its session is bound to a key')
})

t.test('strict rotation logs honest clients out in the simulation', async (t) => {
  const { behavior } = conditionOf(/^one tab, 0.1 %/)
  const { loggedOut } = await simulateUsers(implement(strict), behavior, 8, seed)
  t.ok(loggedOut > 0)
})

t.test('each attacker who copied the cookie jar once is detected', async (t) => {
  const service = await sessionService(GRACE_MS)
  const victim = { ...victimBehaviors.oneTab, sleep: null }
  for (const attacker of known) {
    for (let i = 0; i < 3; i++) {
      const settings = { seed: `${seed} ${seedNameOf(attacker)} ${i}`, horizonMs: 2 * HOUR }
      const { detectedMs } = await runAttack(service, victim, attacker.attack.bind(attacker), settings)
      t.ok(detectedMs !== null && detectedMs < HOUR / 2, `${attacker.name} ${i}`)
    }
  }
})

t.test('no attacker without the key of a bound session refreshes, or logs the victim out', async (t) => {
  const binding = { name: 'bound', attackerHasKey: false }
  const service = await sessionService(GRACE_MS, binding)
  const victim = { ...victimBehaviors.oneTab, sleep: null }
  for (const attacker of [...known, ...adaptive]) {
    const settings = { seed: `${seed} ${seedNameOf(attacker)}`, horizonMs: 3 * HOUR }
    const outcome = await runAttack(service, victim, attacker.attack.bind(attacker), settings)
    t.same(outcome, { detectedMs: null, refreshes: 0, accessMs: 0, isVictimLoggedOut: false }, attacker.name)
  }
})

t.test(
  'an attacker who races the confirmation is detected if the cooldown starts at the last copy',
  async (t) => {
    const victim = { ...victimBehaviors.oneTab, sleep: null }
    const attacker = adaptive.find(({ name }) => name.startsWith('rotates first'))!
    const attack = attacker.attack.bind(attacker)
    const settings = { seed: `${seed} ahead`, horizonMs: HOUR }
    t.match(await runAttack(cooldownFromIssuance(), victim, attack, settings), { detectedMs: null })
    for (const implementation of [noConflict(), await sessionService(GRACE_MS)]) {
      const { detectedMs } = await runAttack(implementation, victim, attack, settings)
      t.ok(detectedMs !== null && detectedMs < HOUR / 2, implementation.name)
    }
  }
)

t.test('the search finds an attack on a weaker rule', async (t) => {
  const acceptsAll = implement({
    ...thisPlugin(GRACE_MS),
    name: 'no reuse detection',
    refresh: acceptRetired
  })
  const [best] = await search(acceptsAll, 10, seed, awakeVictims, 3)
  t.ok(best && best.accessMinutes > 60)
})

const rule = thisPlugin(GRACE_MS)

/** Accepts retired tokens also after the grace period, because row 8 is missing. */
function acceptRetired(
  ...[state, token, nowMs]: Parameters<typeof rule.refresh>
): ReturnType<typeof rule.refresh> {
  const result = rule.refresh(state, token, nowMs)
  if (result.decision.kind !== 'reuse') return result
  return { state, decision: { kind: 'tokens', gen: state.gen, issuedUs: state.issuedUs, isUnchanged: false } }
}

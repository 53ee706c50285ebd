import t from 'tap'
import { rob } from '../../verification/simulation/attack-run.js'
import { adaptive } from '../../verification/simulation/attackers/adaptive.js'
import { known } from '../../verification/simulation/attackers/known.js'
import { conditions, everyCondition } from '../../verification/simulation/conditions.js'
import { liveHonestly } from '../../verification/simulation/honest-clients.js'
import { strict } from '../../verification/simulation/rules/published-rules.js'
import { realService } from '../../verification/simulation/rules/real-service.js'
import { contestantOf } from '../../verification/simulation/rules/rule.js'
import { ours } from '../../verification/simulation/rules/this-plugin.js'
import { search } from '../../verification/simulation/search.js'
import { fromLastCopy, fromMinting } from '../../verification/simulation/strategies.js'
import { HOUR, SECOND } from '../../verification/simulation/time.js'

const W_MS = 30 * SECOND
const seed = process.env.SIMULATION_SEED ?? '1'

t.beforeEach((t) => t.comment(`SIMULATION_SEED=${seed}`))

const conditionOf = (name: RegExp) => conditions.find((condition) => name.test(condition.name))!

t.test('the same seed gives the same world, another seed another', async (t) => {
  const { habits } = conditionOf(/^one tab, lossy/)
  const live = (seed: string) => liveHonestly(contestantOf(strict), habits, 2, seed)
  const first = await live(seed)
  t.ok(first.refreshes > 500)
  t.same(await live(seed), first)
  t.notSame(await live(`not ${seed}`), first)
})

t.test('the rule alone answers as the session service over the memory store does', async (t) => {
  const service = await realService(W_MS)
  for (const { name, habits } of conditions) {
    const live = (contestant = service) => liveHonestly(contestant, habits, 1, `${seed} ${name}`, 24 * HOUR)
    t.same(await live(), await live(contestantOf(ours(W_MS))), name)
  }
})

t.test('nobody is logged out under honest conditions', async (t) => {
  for (const name of [/^one tab, 0.1 %/, /^one tab, lossy/, /^five tabs/]) {
    const { habits } = conditionOf(name)
    const { refreshes, loggedOut } = await liveHonestly(contestantOf(ours(W_MS)), habits, 2, seed)
    t.ok(refreshes > 1000)
    t.equal(loggedOut, 0, String(name))
  }
})

t.test('strict rotation logs somebody out: the simulation can tell', async (t) => {
  const { habits } = conditionOf(/^one tab, 0.1 %/)
  const { loggedOut } = await liveHonestly(contestantOf(strict), habits, 8, seed)
  t.ok(loggedOut > 0)
})

t.test('each thief who copied the jar once is found out', async (t) => {
  const service = await realService(W_MS)
  const victim = { ...everyCondition().oneTab, sleep: null }
  for (const { name, play } of known) {
    for (let theft = 0; theft < 3; theft++) {
      const at = { seed: `${seed} ${name} ${theft}`, horizonMs: 2 * HOUR }
      const { foundOutMs } = await rob(service, victim, play, at)
      t.ok(foundOutMs !== null && foundOutMs < HOUR / 2, `${name} ${theft}`)
    }
  }
})

t.test('who races the confirmation is found out where a generation rests from its last copy', async (t) => {
  const victim = { ...everyCondition().oneTab, sleep: null }
  const ahead = adaptive.find(({ name }) => name.startsWith('goes ahead'))!
  const at = { seed: `${seed} ahead`, horizonMs: HOUR }
  t.match(await rob(fromMinting(), victim, ahead.play, at), { foundOutMs: null })
  for (const contestant of [fromLastCopy(), await realService(W_MS)]) {
    const { foundOutMs } = await rob(contestant, victim, ahead.play, at)
    t.ok(foundOutMs !== null && foundOutMs < HOUR / 2, contestant.name)
  }
})

t.test('the search finds the thief who beats a weaker rule', async (t) => {
  const alwaysFine = contestantOf({ ...ours(W_MS), name: 'no theft', refresh: takesAny })
  const [best] = await search(alwaysFine, 10, seed, 3)
  t.ok(best && best.accessMinutes > 60)
})

const rule = ours(W_MS)

/** Answers retired tokens, too: row 8 is missing. */
function takesAny(
  ...[state, token, nowMs]: Parameters<typeof rule.refresh>
): ReturnType<typeof rule.refresh> {
  const judged = rule.refresh(state, token, nowMs)
  if (judged.verdict.kind !== 'reuse') return judged
  return { state, verdict: { kind: 'tokens', gen: state.gen, issuedUs: state.issuedUs, same: false } }
}

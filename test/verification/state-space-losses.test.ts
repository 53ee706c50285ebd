import t from 'tap'
import { exploreGame } from '../../verification/state-space/adversary-game.js'
import { games } from '../../verification/state-space/adversary-games.js'
import { configurations, HALVES, settingsOf } from '../../verification/state-space/configurations.js'
import { longestGame } from '../../verification/state-space/longest-game.js'
import { realRule } from '../../verification/state-space/rule.js'
import { search } from '../../verification/state-space/search.js'
import { ACCESS_TTL } from '../../verification/state-space/state.js'

for (const configuration of [configurations.losses, configurations.slow]) {
  t.test(`no client is logged out: ${configuration.name}`, async (t) => {
    const settings = settingsOf(configuration, { rule: realRule, steps: HALVES })
    const { violation, isComplete } = search(settings, configuration.invariants, {
      maxDepth: Number.POSITIVE_INFINITY
    })
    t.equal(violation, null, violation?.trace.join('; ') ?? 'none')
    t.ok(isComplete)
  })
}

t.test('no attacker stays beside a user who returns and never confirms', async (t) => {
  const { time, trace } = longestGame(exploreGame({ rule: realRule, ...games.neverConfirms(4) }))
  t.ok(time <= 5 * ACCESS_TTL, trace.join('; '))
})

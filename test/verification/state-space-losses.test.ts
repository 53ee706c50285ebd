import t from 'tap'
import { playOut } from '../../verification/state-space/adversary-game.js'
import { duels } from '../../verification/state-space/adversary-games.js'
import { HALVES, settingsOf, worlds } from '../../verification/state-space/configurations.js'
import { longestStay } from '../../verification/state-space/longest-game.js'
import { realRule } from '../../verification/state-space/rule.js'
import { search } from '../../verification/state-space/search.js'
import { ACCESS_TTL } from '../../verification/state-space/state.js'

for (const world of [worlds.someLost, worlds.slow]) {
  t.test(`nobody is logged out: ${world.name}`, async (t) => {
    const settings = settingsOf(world, { rule: realRule, steps: HALVES })
    const { violation, isWhole } = search(settings, world.promises, { maxDepth: Number.POSITIVE_INFINITY })
    t.equal(violation, null, violation?.story.join('; ') ?? 'none')
    t.ok(isWhole)
  })
}

t.test('no thief stays beside a victim who comes back, though he never confirms', async (t) => {
  const { time, story } = longestStay(playOut({ rule: realRule, ...duels.neverConfirms(4) }))
  t.ok(time <= 5 * ACCESS_TTL, story.join('; '))
})

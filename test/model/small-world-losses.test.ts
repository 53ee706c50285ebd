import t from 'tap'
import { playOut } from './small-world/duel.js'
import { duels } from './small-world/duels.js'
import { longestStay } from './small-world/longest.js'
import { realRule } from './small-world/rule.js'
import { search } from './small-world/search.js'
import { ACCESS_TTL } from './small-world/world.js'
import { HALVES, settingsOf, worlds } from './small-world/worlds.js'

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

import t from 'tap'
import { startLoneSentinel } from '../support/configured-redis.js'
import { startRedis } from '../support/redis-server.js'
import { readPages } from './code-blocks/blocks.js'
import { compile } from './code-blocks/compile.js'
import { Treater, type Treatment } from './code-blocks/treat.js'

// Every code block in the documentation is compiled or run. A new page needs no entry here. Declare names that its blocks use
// without an import in test/docs/code-blocks/prelude/.

const pages = await readPages()
const problems = await compile(pages.values())
const table: string[] = []

t.test('the code in the documentation', async (t) => {
  const redis = await startRedis(t)
  const sentinel = await startLoneSentinel(t, redis, t.testdir())
  for (const [page, blocks] of pages) {
    await t.test(page, async (t) => {
      const treater = await Treater.for(t, blocks, { redis, sentinel })
      const counts = new Map<Treatment, number>()
      for (const block of blocks) {
        const wrong = problems.get(block) ?? []
        t.same(wrong, [], `line ${block.line} compiles`)
        const treatment = await treater.treat(block).catch((error: Error) => {
          t.fail(`${page}:${block.line}: ${error.message}`)
        })
        if (treatment) counts.set(treatment, (counts.get(treatment) ?? 0) + 1)
      }
      const done = [...counts].map(([what, count]) => `${count} ${what}`)
      table.push(`${page}: ${done.join(', ') || 'no blocks'}`)
    })
  }
})

t.teardown(() => console.error(table.join('\n')))

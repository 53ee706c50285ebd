import { spawnSync } from 'node:child_process'
import t from 'tap'
import { MemoryStore, type SessionStore } from '../../../lib/index.js'
import { testSessionStore } from '../../../lib/testing/index.js'
import type { Refresh, UsedProof } from '../../../types/session-store.js'

/** Runs the suite on a store with a defect. @returns the names of the failed tests */
async function failures(defect: (store: SessionStore) => Partial<SessionStore>): Promise<string[]> {
  const tests: [name: string, run: () => Promise<void>][] = []
  testSessionStore({
    test: (...test) => tests.push(test),
    open(now) {
      const store = new MemoryStore({ now })
      return { store: Object.assign(store, defect(store)) }
    }
  })
  const failed = []
  for (const [name, run] of tests) {
    const error = await run().catch((error) => error)
    if (!error) continue
    t.equal(error.code, 'ERR_ASSERTION', `${name}: ${error}`)
    failed.push(name)
  }
  return failed
}

t.test('passes for a store without a defect', async (t) => {
  t.same(await failures(() => ({})), [])
})

t.test('fails for a store whose replay returns another generation', async (t) => {
  const failed = await failures((store) => {
    const rotate = store.rotate.bind(store)
    return {
      async rotate(refresh) {
        const outcome = await rotate(refresh)
        if (outcome.outcome !== 'replayed') return outcome
        return { ...outcome, session: { ...outcome.session, gen: outcome.session.gen + 1 } }
      }
    }
  })
  t.ok(
    failed.includes(
      'rotation rule: replays the parent token until the current generation is confirmed (row 6)'
    )
  )
})

t.test(
  'fails for a store that does not remember proofs, or remembers them for other sessions too',
  async (t) => {
    const changeProof = (change: (proof: UsedProof, refresh: Refresh) => UsedProof | undefined) =>
      failures((store) => {
        const rotate = store.rotate.bind(store)
        return {
          rotate: (refresh) => rotate({ ...refresh, proof: refresh.proof && change(refresh.proof, refresh) })
        }
      })
    let calls = 0
    const ignored = await changeProof((proof) => ({ ...proof, id: `call ${calls++}` }))
    t.ok(ignored.every((name) => name.startsWith('used proofs: ')))
    t.ok(ignored.includes('used proofs: rotates once if two calls have the same proof'))
    const forgotten = await changeProof((proof) => ({ ...proof, rememberMs: proof.rememberMs / 2 }))
    t.same(forgotten, ['used proofs: forgets a proof after rememberMs'])
    const onlyCurrent = await changeProof((proof, { gen }) => (gen === 1 ? undefined : proof))
    t.ok(onlyCurrent.some((name) => name.startsWith('used proofs: changes nothing')))
  }
)

t.test('fails for a store that keeps sessions too long', async (t) => {
  const failed = await failures((store) => {
    const create = store.create.bind(store)
    return { create: (session) => create({ ...session, idleMs: 2 * session.idleMs }) }
  })
  t.ok(failed.includes('create: returns the created session'))
  t.notOk(failed.includes('confirm: does not create a session'))
})

t.test('fails for a store that does not create, refresh or return sessions', async (t) => {
  const late = await failures(() => ({ create: async () => ({ outcome: 'deadline-exceeded', nowMs: 0 }) }))
  t.ok(late.length > 50, 'nearly all tests fail')
  const unknown = await failures(() => ({ rotate: async () => ({ outcome: 'unknown' }) }))
  t.ok(unknown.includes('rotation rule: rotates at the first refresh after a login (row 4)'))
  const empty = await failures(() => ({ get: async () => null, list: async () => [] }))
  t.ok(empty.includes('create: accepts any string as subject'))
})

t.test('closes each store, even after a failed test', async (t) => {
  let open = 0
  const runs: (() => Promise<void>)[] = []
  testSessionStore({
    test: (_name, run) => runs.push(run),
    open(now) {
      open++
      const store = Object.assign(new MemoryStore({ now }), { list: async () => [] })
      return { store, close: async () => open-- }
    }
  })
  for (const run of runs) {
    await run().catch(() => {})
    t.equal(open, 0)
  }
})

t.test('reports elapsed time to a store with its own clock', async (t) => {
  const elapsed: number[] = []
  const runs = new Map<string, () => Promise<void>>()
  testSessionStore({
    test: (name, run) => runs.set(name, run),
    open: (now) => ({ store: new MemoryStore({ now }), elapse: async (ms) => void elapsed.push(ms) })
  })
  await runs.get('lifetimes: keeps a denylist entry as long as a token could be valid')?.()
  t.same(elapsed, [3_599_000, 2000])
})

t.test('runs under node:test', async (t) => {
  const program = `
    import test from 'node:test'
    import { MemoryStore } from 'fastify-refresh-token'
    import { testSessionStore } from 'fastify-refresh-token/testing'
    testSessionStore({ test, open: (now) => ({ store: new MemoryStore({ now }) }) })`
  const args = [
    '--import=./scripts/ts-loader.mjs',
    '--test-reporter=tap',
    '--input-type=module',
    '-e',
    program
  ]
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: 300_000 })
  t.equal(status, 0, stdout)
  t.match(stdout, /^# pass [5-9]\d$/m)
  t.match(stdout, /^# fail 0$/m)
})

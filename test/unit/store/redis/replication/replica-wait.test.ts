import t from 'tap'
import type { DedicatedConnection } from '../../../../../lib/store/redis/dedicated-connection.js'
import { ReplicaWait, type WriteCheck } from '../../../../../lib/store/redis/replication/replica-wait.js'

type Reply = [Error | null, unknown]

const check: WriteCheck = { keys: ['frt:{abcdef}:s', 'frt:{abcdef}:w', 'frt:{abcdef}:b:'], args: ['1', 'a'] }

/** A connection whose pipelines get these replies. */
function connectionWith(replies: Reply[], disconnected: () => void) {
  const pipeline = {
    evalsha: () => pipeline,
    eval: () => pipeline,
    wait: () => pipeline,
    exec: async () => replies
  }
  return { pipeline: () => pipeline, disconnect: disconnected } as unknown as DedicatedConnection
}

t.test(
  'a master of a Cluster that lost the slot is left, and the next call opens another connection',
  async (t) => {
    const opened: string[] = []
    const replies: Reply[][] = [
      [
        [new Error('MOVED 1 127.0.0.1:7001'), null],
        [null, 1]
      ],
      [
        [null, 'written'],
        [null, 1]
      ]
    ]
    const wait = new ReplicaWait({
      replicas: 1,
      timeoutMs: 1000,
      connect: () => {
        opened.push('opened')
        return connectionWith(replies.shift() ?? [], () => opened.push('closed'))
      }
    })
    await t.rejects(wait.wait(check), /^MOVED/)
    t.equal(await wait.wait(check), 'written')
    t.same(opened, ['opened', 'closed', 'opened'])
  }
)

t.test('an error of one check keeps the connection that others use', async (t) => {
  let closed = 0
  const replies: Reply[] = [
    [new Error('ERR unsupported session format'), null],
    [null, 'written'],
    [null, 1]
  ]
  const wait = new ReplicaWait({
    replicas: 1,
    timeoutMs: 1000,
    connect: () => connectionWith(replies, () => closed++)
  })
  const [first, second] = await Promise.allSettled([wait.wait(check), wait.wait(check)])
  t.match(first, { status: 'rejected' })
  t.match(second, { status: 'fulfilled', value: 'written' })
  t.equal(closed, 0)
})

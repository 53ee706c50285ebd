import { randomUUID } from 'node:crypto'
import t from 'tap'
import { Client } from '../support/client.js'
import { eventually } from '../support/eventually.js'
import { startApp } from '../support/outage.js'
import { startSentinel } from '../support/topologies.js'

const WORKERS = 8

t.test('Sentinel: a planned failover loses no login that all replicas acknowledged', async (t) => {
  const topology = await startSentinel(t)
  const { app } = await startApp(t, topology.client, {
    keyPrefix: `test:${randomUUID()}:`,
    storeTimeout: '2s',
    durability: { replicas: 2, of: ['create'] }
  })
  const answered: string[] = []
  let isOver = false
  const logInUntilOver = async () => {
    while (!isOver) {
      const client = new Client(app)
      const { statusCode } = await client.login({ sub: randomUUID() })
      if (statusCode === 200) answered.push(client.jar.refreshToken as string)
      else if (statusCode !== 503) t.fail(`a login was ${statusCode}`)
    }
  }
  const workers = Array.from({ length: WORKERS }, logInUntilOver)
  await eventually(async () => answered.length > 50)
  const before = await topology.masterOf('')
  await topology.handOver(before)
  await eventually(async () => {
    const masters = await topology.masters()
    return masters.length === 1 && masters[0]?.port !== before.port
  }, 20_000)
  const countBefore = answered.length
  // Both replicas follow the new master again.
  await eventually(async () => answered.length > countBefore + 50, 20_000)
  isOver = true
  await Promise.all(workers)

  const statuses = []
  for (const refreshToken of answered) {
    const client = new Client(app)
    client.jar.refreshToken = refreshToken
    statuses.push((await client.refresh()).statusCode)
  }
  t.equal(statuses.filter((status) => status === 401).length, 0, `of ${answered.length} sessions`)
})

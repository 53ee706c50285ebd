import { randomUUID } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import type { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { Client } from '../support/client.js'
import { eventually } from '../support/eventually.js'
import { type App, eventuallyStatus, startApp } from '../support/outage.js'
import { type PartitionableTopology, startPartitionable } from '../support/partition.js'
import { readTestedConfiguration } from '../support/tested-configuration.js'

const USERS = 5

/** A process that stays with the old master, and one that is on the side of the Sentinels. */
interface Processes {
  cutOff: App
  other: App
}

/** Returns a function that starts a process, in one deployment. */
function deployment(t: Test) {
  const keyPrefix = `test:${randomUUID()}:`
  return (redis: Redis | Cluster) => startApp(t, redis as never, { keyPrefix, storeTimeout: '2s' }, 'info')
}

async function logIn(t: Test, { app }: App, name: string): Promise<Client[]> {
  const users = Array.from({ length: USERS }, () => new Client(app))
  for (const [i, user] of users.entries()) {
    t.equal(await eventuallyStatus(() => user.login({ sub: `${name}-${i}` })), 200, `${name} ${i} logs in`)
  }
  return users
}

/** Cuts the master off, and waits until the other side has another one. */
async function cutOffMaster(t: Test, topology: PartitionableTopology): Promise<() => void> {
  const end = topology.isolate(await topology.masterOf(''))
  t.after(end)
  await eventually(async () => (await topology.masters()).length === 2)
  return end
}

const at = ({ app }: App, user: Client) => new Client(app, {}, user.jar.copy())

/** Checks that a logout holds in both processes, by the access token and by the refresh token. */
async function checkLoggedOut(t: Test, { cutOff, other }: Processes, users: Client[]): Promise<void> {
  for (const [name, app] of Object.entries({ cutOff, other })) {
    for (const user of users) {
      await eventually(async () => (await at(app, user).call()).statusCode === 401)
      // Presenting the token may revoke the session again, so that the guards are checked first.
      const isRejected = async () => (await eventuallyStatus(() => at(app, user).refresh())) === 401
      await eventually(isRejected)
      t.pass(`${name}: the session stays revoked`)
    }
  }
}

async function checkLoggedIn(t: Test, { cutOff, other }: Processes, users: Client[]): Promise<void> {
  for (const user of users) {
    for (const app of [cutOff, other]) {
      const here = new Client(app.app, {}, user.jar)
      t.equal(await eventuallyStatus(() => here.refresh()), 200, 'the honest user refreshes')
      t.equal(await eventuallyStatus(() => here.call()), 200)
    }
  }
}

t.test('logouts on a master that was cut off hold after the partition', async (t) => {
  const topology = await startPartitionable(t, { downAfterMs: 2000 })
  const start = deployment(t)
  const cutOff = await start(topology.connectBeside())
  const leaving = await logIn(t, cutOff, 'leaving')
  const staying = await logIn(t, cutOff, 'staying')
  await topology.waitForReplication()

  const end = await cutOffMaster(t, topology)
  const other = await start(topology.connect())
  for (const user of leaving) {
    t.equal((await user.copy().logout()).statusCode, 200, 'this side has no sign of the failover')
    t.equal((await at(cutOff, user).call()).statusCode, 401)
    t.equal((await at(other, user).call()).statusCode, 200, 'the other side cannot know it')
  }
  end()
  const hasMoved = () => cutOff.logs.some(({ event }) => event === 'redis_client_moved')
  await eventually(async () => hasMoved() || (await topology.masters()).length === 1)
  await checkLoggedOut(t, { cutOff, other }, leaving)
  await checkLoggedIn(t, { cutOff, other }, staying)
})

t.test('with the tested configuration, a master that was cut off accepts no login or logout', async (t) => {
  const { servers, client } = await readTestedConfiguration()
  const topology = await startPartitionable(t, servers)
  const start = deployment(t)
  const cutOff = await start(topology.connectBeside(client))
  const other = await start(topology.connect(client))
  const leaving = await logIn(t, cutOff, 'leaving')
  const staying = await logIn(t, cutOff, 'staying')
  await topology.waitForReplication()

  const end = await cutOffMaster(t, topology)
  const logInAt = ({ app }: App, sub: string) => new Client(app).login({ sub })
  t.equal(await eventuallyStatus(() => logInAt(other, 'newcomer')), 200, 'the other side works')
  await eventually(async () => (await logInAt(cutOff, 'probe')).statusCode === 503)
  for (const [i, user] of leaving.entries()) {
    checkUnavailable(t, 'login', await logInAt(cutOff, `late-${i}`))
    checkUnavailable(t, 'logout', await user.copy().logout())
    checkUnavailable(t, 'refresh', await (staying[i] as Client).refresh())
  }
  end()
  await checkLoggedIn(t, { cutOff, other }, staying)
  await checkLoggedOut(t, { cutOff, other }, leaving)
})

function checkUnavailable(t: Test, name: string, { statusCode, headers }: LightMyRequestResponse): void {
  t.equal(statusCode, 503, name)
  t.ok(Number(headers['retry-after']) > 0, `${name}: Retry-After`)
  t.equal(headers['set-cookie'], undefined, `${name}: the token stays`)
}

import t from 'tap'
import { eventually } from '../../support/eventually.js'
import { ALL_MODES, all, connect, DOWN, meet, Scene } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

// The tests mostly wait, each for its own server.
t.jobs = 4

t.test('a Redis process that is stopped and resumed', async (t) => {
  const server = await startRedis(t)
  const fault = {
    silencesFeed: true,
    async break() {
      process.kill(server.pid, 'SIGSTOP')
      return () => process.kill(server.pid, 'SIGCONT')
    }
  }
  await meet(t, server.client(), server.client(), fault, DOWN)
})

t.test('packets are dropped silently, and the network recovers later', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const fault = {
    silencesFeed: true,
    async break() {
      proxy.freeze()
      return () => proxy.thaw()
    }
  }
  await meet(t, connect(t, proxy.port), server.client(), fault, DOWN)
})

t.test('packets are dropped silently, and the connection is reset later', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const fault = {
    silencesFeed: true,
    async break() {
      proxy.freeze()
      return () => {
        proxy.cut()
        proxy.thaw()
      }
    }
  }
  await meet(t, connect(t, proxy.port), server.client(), fault, DOWN)
})

t.test('a script that never ends', async (t) => {
  const server = await startRedis(t, ['--busy-reply-threshold', '50'])
  const direct = server.client()
  const fault = {
    silencesFeed: true,
    async break() {
      server
        .client({ maxRetriesPerRequest: 0 })
        .eval('while true do end', 0)
        .catch(() => {})
      const isBusy = () =>
        direct.ping().then(
          () => false,
          (error: Error) => error.message.startsWith('BUSY')
        )
      await eventually(isBusy)
      return () => direct.script('KILL')
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

t.test('a network that is slower than the timeout', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const fault = {
    silencesFeed: true,
    async break() {
      proxy.delay(600)
      return () => proxy.delay(0)
    }
  }
  await meet(t, connect(t, proxy.port), server.client(), fault, DOWN)
})

t.test('a slow network that is faster than the timeout causes no error', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const redis = connect(t, proxy.port)
  const scenes = await Promise.all(ALL_MODES.map((mode) => Scene.open(t, redis, mode)))
  proxy.delay(300)
  const statuses = await Promise.all(scenes.map((scene) => scene.request(t)))
  proxy.delay(0)
  for (const [i, scene] of scenes.entries()) {
    t.same(statuses[i], all(200), `the responses in mode ${scene.mode}`)
    await scene.checkAfter(t, server.client(), statuses[i] as typeof DOWN.none)
  }
})

import t from 'tap'
import { ALL_MODES, all, connect, DOWN, meet, Scene, STORE_TIMEOUT_MS } from '../../support/outage.js'
import { startProxy } from '../../support/proxy.js'
import { startRedis } from '../../support/redis-server.js'

t.test('Redis is stopped, and goes on', async (t) => {
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

t.test('a network that swallows all', async (t) => {
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

t.test('a server that was moved while the network swallowed all', async (t) => {
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

t.test('a script that does not end', async (t) => {
  const server = await startRedis(t, ['--busy-reply-threshold', '50'])
  const direct = server.client()
  const fault = {
    silencesFeed: true,
    async break() {
      server
        .client({ maxRetriesPerRequest: 0 })
        .eval('while true do end', 0)
        .catch(() => {})
      return () => direct.script('KILL')
    }
  }
  await meet(t, server.client(), direct, fault, DOWN)
})

t.test('a Redis that sleeps for longer than the time-out', async (t) => {
  const server = await startRedis(t, ['--enable-debug-command', 'local'])
  const fault = {
    silencesFeed: true,
    async break() {
      const slept = server.client().call('DEBUG', 'SLEEP', '4')
      return () => slept
    }
  }
  await meet(t, server.client(), server.client(), fault, DOWN)
})

t.test('a network that is slower than the time-out', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const fault = {
    silencesFeed: true,
    async break() {
      proxy.delay(1.5 * STORE_TIMEOUT_MS)
      return () => proxy.delay(0)
    }
  }
  await meet(t, connect(t, proxy.port), server.client(), fault, DOWN)
})

t.test('a network that is slow, and faster than the time-out, fails nothing', async (t) => {
  const server = await startRedis(t)
  const proxy = await startProxy(t, server.port)
  const redis = connect(t, proxy.port)
  const scenes = await Promise.all(
    ALL_MODES.map((mode) => Scene.open(t, redis, mode, { storeTimeout: '3s' }))
  )
  proxy.delay(300)
  const answers = await Promise.all(scenes.map((scene) => scene.ask(t, 3000)))
  proxy.delay(0)
  for (const [i, scene] of scenes.entries()) {
    t.same(answers[i], all(200), `the answers in mode ${scene.mode}`)
    await scene.checkAfter(t, server.client(), answers[i] as typeof DOWN.none)
  }
})

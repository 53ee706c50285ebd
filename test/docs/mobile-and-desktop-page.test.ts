import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import {
  type AuthFetch,
  type AuthFetchOptions,
  bodyTransport,
  createAuthFetch
} from '../../lib/client/index.js'
import { fastifyRefreshToken as refreshToken } from '../../lib/index.js'
import { SECRET as secret } from '../support/build-app.js'
import { createInjectFetch } from '../support/inject-fetch.js'
import { blocksIn } from './code-blocks/blocks.js'
import { evaluate } from './code-blocks/run.js'

// The code of docs/guides/mobile-and-desktop.md, with a small replacement for each device.

const codes = (await blocksIn('docs/guides/mobile-and-desktop.md')).map(({ code }) => code)
const blockWith = (text: string) => codes.find((code) => code.includes(text)) ?? ''
const login = () => ({ sub: 'ada' })

async function startServer(t: Test, block: string): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  await evaluate(block, { app, cors, refreshToken, secret, login })
  app.get('/me', { preHandler: app.authenticate }, async (request) => ({ sub: request.user?.sub }))
  return app
}

interface Device {
  name: string
  block: string
  /** What a request of the device has. */
  headers?: Record<string, string>
  names(t: Test, kept: Map<string, string>): Record<string, unknown>
}

const EXTENSION = 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'

const DEVICES: Device[] = [
  {
    name: 'React Native',
    block: blockWith('expo-secure-store'),
    names: (_t, kept) => ({
      SecureStore: {
        getItemAsync: async (key: string) => kept.get(key) ?? null,
        setItemAsync: async (key: string, value: string) => kept.set(key, value),
        deleteItemAsync: async (key: string) => kept.delete(key)
      }
    })
  },
  {
    name: 'Capacitor',
    block: blockWith('capacitor-secure-storage'),
    headers: { origin: 'capacitor://localhost', 'sec-fetch-site': 'cross-site' },
    names: (_t, kept) => ({
      SecureStorage: {
        getItem: async (key: string) => kept.get(key) ?? null,
        setItem: async (key: string, value: string) => kept.set(key, value),
        removeItem: async (key: string) => kept.delete(key)
      }
    })
  },
  {
    name: 'Electron',
    block: blockWith("from 'electron'"),
    names: (t) => ({
      electron: { whenReady: async () => {}, getPath: () => t.testdirName },
      safeStorage: {
        isEncryptionAvailable: () => true,
        encryptString: (text: string) => Buffer.from(text, 'utf8').toReversed(),
        decryptString: (bytes: Buffer) => Buffer.from(bytes.toReversed()).toString('utf8')
      },
      ipcMain: { handle() {} },
      ...{ join, readFile, rm, writeFile }
    })
  },
  {
    name: 'Browser extension',
    block: blockWith('chrome.storage'),
    headers: { origin: EXTENSION, 'sec-fetch-site': 'cross-site' },
    names: (_t, kept) => ({
      chrome: {
        storage: {
          local: {
            setAccessLevel: async () => {},
            get: async (key: string) => ({ [key]: kept.get(key) }),
            set: async (items: Record<string, string>) => {
              for (const [key, value] of Object.entries(items)) kept.set(key, value)
            },
            remove: async (key: string) => kept.delete(key)
          }
        }
      }
    })
  }
]

for (const { name, block, headers = {}, names } of DEVICES) {
  t.test(name, async (t) => {
    t.testdir({})
    const app = await startServer(t, blockWith('APP_ORIGINS'))
    const network = createInjectFetch(app, headers)
    const kept = new Map<string, string>()

    const start = async () => {
      const create = (options: AuthFetchOptions) => createAuthFetch({ ...options, fetch: network.fetch })
      const given = { ...names(t, kept), bodyTransport, createAuthFetch: create }
      const auth = (await evaluate(block, given, 'auth')) as AuthFetch
      t.after(async () => auth.close())
      return auth
    }
    t.equal((await (await start()).login({})).status, 200)
    t.equal(network.cookies.size, 0)

    const restarted = await start()
    t.same(await (await restarted.fetch('https://api.example.com/me')).json(), { sub: 'ada' })
    await restarted.logout()
    t.equal(await (await start()).getAccessToken(), null)
    t.same(await app.sessions.list('ada'), [])
    t.equal(kept.size, 0)
  })
}

t.test('origins of apps', async (t) => {
  const post = (app: FastifyInstance, headers: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url: '/auth/login',
      headers: { 'sec-fetch-site': 'cross-site', ...headers }
    })

  await t.test('are rejected if they are not trusted', async (t) => {
    const app = await startServer(t, codes[0] ?? '')
    t.equal((await post(app, { origin: EXTENSION, 'x-client': 'app' })).statusCode, 403)
  })

  await t.test('are accepted if all clients are apps, with a list', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    const csrf = { trustedOrigins: ['capacitor://localhost', 'https://localhost', EXTENSION] }
    await app.register(refreshToken, { secret, login, transport: 'body', csrf })
    for (const origin of csrf.trustedOrigins) t.equal((await post(app, { origin })).statusCode, 200)
    t.equal((await post(app, { origin: 'https://evil.example' })).statusCode, 403)
  })

  await t.test('are accepted with the function, other origins and the cookie are not', async (t) => {
    const app = await startServer(t, blockWith('APP_ORIGINS'))
    const accepted = await post(app, { origin: EXTENSION, 'x-client': 'app' })
    t.equal(accepted.statusCode, 200)
    t.equal(accepted.headers['access-control-allow-origin'], EXTENSION)
    t.equal((await post(app, { origin: 'https://evil.example', 'x-client': 'app' })).statusCode, 403)
    t.equal((await post(app, { origin: EXTENSION })).statusCode, 403)
  })
})

import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import {
  type Auth,
  type AuthFetchOptions,
  bodyTransport,
  createAuth,
  customKey
} from '../../lib/client/index.js'
import { fastifyRefreshToken } from '../../lib/index.js'
import { MemoryStorage } from '../client/support/tab.js'
import { SECRET } from '../support/build-app.js'
import { createInjectFetch } from '../support/inject-fetch.js'
import { blocksIn } from './code-blocks/blocks.js'
import { evaluate } from './code-blocks/run.js'

// The proof for Node.js of docs/guides/client.md, against the plugin.

t.test('the session of the example for Node.js is bound to its key', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(fastifyRefreshToken, {
    secret: SECRET,
    transport: 'body',
    binding: { mode: 'required', nonce: 'always' },
    login: () => ({ sub: 'ada' })
  })
  const block = (await blocksIn('docs/guides/client.md')).find(({ code }) => code.includes('node:crypto'))
  const { fetch } = createInjectFetch(app)
  const names = {
    ...{ generateKeyPairSync, randomUUID, sign, bodyTransport, customKey },
    storage: new MemoryStorage(),
    createAuthFetch: (options: AuthFetchOptions) => createAuth({ ...options, fetch })
  }
  const auth = (await evaluate(block?.code ?? '', names, 'auth')) as Auth
  t.equal((await auth.login({})).status, 200)
  t.match(await app.sessions.list('ada'), [{ jkt: /^[\w-]{43}$/ }])
  t.match(await auth.restore(), { status: 'authenticated' })
  t.match(await app.sessions.list('ada'), [{ gen: 2 }])
  await auth.logout()
  t.same(await app.sessions.list('ada'), [])
})

import Fastify from 'fastify'
import t from 'tap'
import { createAuthFetch } from '../../lib/client/index.js'
import { headerTransport } from '../../lib/client/transport/header-transport.js'
import type { FetchFunction } from '../../lib/client/types.js'
import { fastifyRefreshToken } from '../../lib/index.js'
import { SECRET } from '../support/build-app.js'
import { createInjectFetch } from '../support/inject-fetch.js'
import { MemoryStorage, ORIGIN } from './support/tab.js'

t.test(
  'the client speaks the transport header, with the headers X-AUTH-TOKEN and X-REFRESH_TOKEN',
  async (t) => {
    for (const { server, client, accessTokenHeader } of [
      { server: {}, client: {}, accessTokenHeader: undefined },
      {
        server: { header: { refreshToken: 'X-REFRESH_TOKEN' }, accessToken: { header: 'X-AUTH-TOKEN' } },
        client: { refreshTokenHeader: 'X-REFRESH_TOKEN' },
        accessTokenHeader: 'X-AUTH-TOKEN'
      }
    ]) {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(fastifyRefreshToken, {
        secret: SECRET,
        login: () => ({ sub: 'ada' }),
        transport: 'header',
        ...server
      })
      app.get('/me', { preHandler: app.authenticate }, async ({ user }) => user?.sub)
      const { fetch, calls } = createInjectFetch(app)
      const storage = new MemoryStorage()
      const open = () =>
        createAuthFetch({
          baseUrl: ORIGIN,
          fetch: fetch as FetchFunction,
          transport: headerTransport(storage, client),
          accessTokenHeader
        })
      await open().login({})
      t.match(storage.value, /^[\w-]{60,}$/)
      const before = storage.value
      const restarted = open()
      t.equal(await (await restarted.fetch('/me')).text(), 'ada')
      t.not(storage.value, before, 'the refresh token was rotated')
      await restarted.logout()
      t.equal(storage.value, null)
      t.same(await app.sessions.list('ada'), [])
      t.equal(calls.at(-1), 'POST /auth/logout')
    }
  }
)

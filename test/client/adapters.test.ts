import axios from 'axios'
import ky from 'ky'
import { ofetch, createFetch } from 'ofetch'
import t from 'tap'
import { loggedIn, ORIGIN, type OneTab } from './helpers/tab.js'

const SENT = { name: 'ada', tags: ['a', 'b'] }

/** What was sent twice, and answered the second time. */
function isRefreshedAndRetried(t: Tap.Test, { server }: OneTab, answer: unknown): void {
  t.same(answer, { token: 'token-2', body: JSON.stringify(SENT) })
  t.same(server.paths, ['/auth/login', '/me', '/auth/refresh', '/me'])
  for (const call of server.to('/me')) {
    t.equal(call.method, 'POST')
    t.match(call.headers.get('content-type'), 'application/json')
    t.same(JSON.parse(call.body), SENT)
  }
}

import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { callHook, emitLogin, type Hooks } from '../../../../lib/sessions/observability/session-events.js'
import type { LoginEvent } from '../../../../types/events.js'
import type { Session } from '../../../../types/session.js'
import { recordingLog } from '../../../support/recording-log.js'

const none: Hooks = { onLogin: undefined, onRefresh: undefined, onLogout: undefined, onReuse: undefined }
const event: LoginEvent = {
  id: 'created:a-session',
  sub: 'user-1',
  sid: 'a-session',
  gen: 1,
  metadata: { ip: '::1' }
}

t.test('a hook receives its event and the request', async (t) => {
  const { log, lines } = recordingLog(t)
  const calls: unknown[] = []
  const request = {} as FastifyRequest
  const onLogin = (...args: unknown[]) => void calls.push(args)
  await callHook({ ...none, onLogin }, 'onLogin', () => event, { request, log })
  await callHook({ ...none, onLogin }, 'onLogin', () => event, { request: null, log })
  t.strictSame(calls, [
    [event, request],
    [event, null]
  ])
  t.equal(lines.length, 0)
})

t.test('only the named hook is called', async (t) => {
  const { log } = recordingLog(t)
  const onLogout = () => void t.fail('the wrong hook was called')
  await callHook({ ...none, onLogout }, 'onLogin', () => event, { request: null, log })
})

for (const [failure, onLogin] of [
  [
    'throws',
    () => {
      throw new Error('hook error')
    }
  ],
  ['rejects', () => Promise.reject(new Error('hook error'))]
] as const) {
  t.test(`a hook that ${failure} is logged and has no other effect`, async (t) => {
    const { log, lines } = recordingLog(t)
    await callHook({ ...none, onLogin }, 'onLogin', () => event, { request: null, log })
    t.equal(lines.length, 1)
    t.has(lines[0], {
      level: 50,
      event: 'hook_failed',
      msg: 'onLogin hook failed; the response is unchanged',
      sid: 'a-session'
    })
    t.match(lines[0], { err: { message: 'hook error' } })
  })
}

t.test('an event contains its id, subject, session id, generation and metadata only', async (t) => {
  const session: Session = {
    sid: 'a-session',
    sub: 'user-1',
    gen: 4,
    jkt: null,
    name: null,
    authenticatedAt: new Date(0),
    acr: null,
    amr: [],
    createdAt: new Date(0),
    lastUsedAt: new Date(0),
    expiresAt: new Date(1),
    absoluteExpiresAt: new Date(1),
    remember: true,
    claims: { secret: 'of the user' },
    metadata: { ip: '::1' }
  }
  const { log } = recordingLog(t)
  const received: unknown[] = []
  const onLogin = (event: unknown) => void received.push(event)
  emitLogin({ ...none, onLogin, keyPrefix: 'frt:' }, session, { request: null, log })
  t.strictSame(received, [
    { id: 'created:a-session', sub: 'user-1', sid: 'a-session', gen: 4, metadata: { ip: '::1' } }
  ])
})

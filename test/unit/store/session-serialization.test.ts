import t from 'tap'
import {
  metadataOf,
  replaceLines,
  toChangedLines,
  toSession,
  toTexts
} from '../../../lib/store/session-serialization.js'
import { newSession } from '../../../lib/testing/conformance/test-client.js'
import type { Claims } from '../../../types/session.js'

const times = { createdMs: 1000, lastUsedMs: 2000, expiresMs: 3000, absoluteExpiresMs: 4000 }
const state = { sid: 's', sub: 'ada', gen: 1, remember: true }

t.test('a session without data takes few bytes', async (t) => {
  const texts = toTexts(newSession({ claims: {} as Claims, requestMetadata: {} }))
  t.strictSame(texts, { identity: '\n\n\n\n', requestMetadata: '{}' })
  t.match(toSession(state, texts, times), {
    claims: {},
    metadata: {},
    jkt: null,
    name: null,
    acr: null,
    amr: []
  })
})

t.test('texts that contain line breaks and separators are returned unchanged', async (t) => {
  const text = 'a\nb "c" \\ {} \u2028 7 {"acr":"x"}'
  const claims = { roles: [text] } as Claims
  const session = newSession({ claims, metadata: { text }, requestMetadata: { ip: text }, ownIdleMs: 7000 })
  const { identity, requestMetadata } = toTexts(session)
  t.equal(identity.split('\n').length, 5)
  const changed = replaceLines(identity, toChangedLines({ name: text, authentication: { acr: 'x' } }), 5000)
  t.match(toSession(state, { identity: changed, requestMetadata }, times), {
    claims,
    metadata: { text, ip: text },
    name: text,
    authenticatedAt: new Date(5000),
    acr: 'x'
  })
  t.same(metadataOf({ identity: changed, requestMetadata }), { text, ip: text })
})

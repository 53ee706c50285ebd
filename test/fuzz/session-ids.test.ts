import { equal, match } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { fuzz } from './fuzz.js'
import { checkResponse } from './response-checks.js'
import { anyText } from './strings.js'

t.test('an id that is not a session of the user revokes no session', async (t) => {
  const { app } = await buildApp(t, { server: { logger: false } })
  const own = await app.sessions.create({ sub: 'ada' })
  const other = await app.sessions.create({ sub: 'grace' })
  const sid = fc.constantFrom(own.session.sid, other.session.sid)
  const at = fc.nat({ max: 31 })
  const ids = fc
    .oneof(
      anyText().map((text) => encodeURIComponent(text.toWellFormed())),
      fc.string(),
      fc.constant(other.session.sid),
      fc
        .tuple(sid, at, fc.constantFrom(...'Az0-_'))
        .map(([id, i, c]) => id.slice(0, i) + c + id.slice(i + 1)),
      sid.chain((id) =>
        fc.constantFrom(
          ...[
            id.toLowerCase(),
            id.toUpperCase(),
            `${id}=`,
            `${id}%00`,
            `%20${id}`,
            `${id}%0a`,
            `${id}/`,
            `/${id}`
          ],
          ...[
            `${id},${id}`,
            `${id}%2c${id}`,
            `..%2f${id}`,
            `${id}%`,
            `%zz${id}`,
            'x'.repeat(5000),
            '*',
            '%2a'
          ],
          ...['__proto__', 'constructor', '..', '.', '%2e%2e', '%E0%A4%A', `${id};x=1`]
        )
      )
    )
    .filter((id) => decoded(id) !== own.session.sid)

  await fuzz(t, ids, async (id) => {
    // Encodes only characters that a URL cannot contain.
    const url = `/auth/sessions/${id.replaceAll(/[^\x21-\x7e]|[#?]/g, (text) => encodeURIComponent(text.toWellFormed()))}`
    const request = { method: 'DELETE', url } as const
    const headers = { authorization: `Bearer ${own.accessToken}` }
    const response = await app.inject({ ...request, headers })
    checkResponse(response, request)
    match(String(response.statusCode), /^(400|404|414)$/, url)
    for (const { session } of [own, other]) equal((await app.sessions.get(session.sid))?.gen, 1, url)
  })
})

/** Returns the id that a URL with this path segment means, as browsers and proxies read it. */
function decoded(id: string): string | undefined {
  try {
    return decodeURIComponent(id).split(/[;?#]/)[0]
  } catch {
    return undefined
  }
}

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore } from '../support/stores.js'
import { fuzz } from './fuzz.js'
import { checkResponse, codeOf } from './response-checks.js'
import { headerText } from './strings.js'

const NAME = '__Host-refresh_token'
const MINUTE = 60_000
const GENERATIONS = 3

/** A cookie: a token of one of two active sessions or of an ended one, a damaged token, or other text. */
const cookie = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      of: fc.constantFrom('own' as const),
      gen: fc.integer({ min: 1, max: GENERATIONS })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      of: fc.constantFrom('other' as const, 'ended' as const),
      gen: fc.integer({ min: 1, max: GENERATIONS })
    })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      of: fc.constant('garbage' as const),
      text: headerText(90).map((text) => text.replaceAll(';', ''))
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      of: fc.constant('damaged' as const),
      gen: fc.integer({ min: 1, max: GENERATIONS }),
      at: fc.nat({ max: 91 })
    })
  }
)
type Cookie = typeof cookie extends fc.Arbitrary<infer C> ? C : never

const between = fc.constantFrom(
  '; ',
  ';',
  ' ;\t',
  ';;',
  '; a=b; ',
  '; =; ',
  `; ${NAME.toLowerCase()}=x; `,
  '; __proto__=1; ',
  `; x${NAME}=y; `
)
const jar = fc.record({
  cookies: fc.array(cookie, { minLength: 1, maxLength: 10 }),
  between,
  before: fc.constantFrom('', ' ', ';', 'a; ', 'theme="dark"; ')
})

interface Session {
  sid: string
  sub: string
  /** One token for each generation. The last one is current. */
  tokens: string[]
}

let userCount = 0

/** Creates a session whose older tokens count as reuse. */
async function createSession(app: FastifyInstance, advance: (ms: number) => void): Promise<Session> {
  const client = new Client(app)
  const sub = `user-${++userCount}`
  await client.login({ sub })
  const tokens = [client.jar.refreshToken ?? '']
  while (tokens.length < GENERATIONS) {
    advance(2 * MINUTE)
    await client.refresh()
    tokens.push(client.jar.refreshToken ?? '')
  }
  const [session] = await app.sessions.list(sub)
  ok(session)
  // Presenting the current token confirms it. From three grace periods later on, older tokens are reuse.
  equal((await client.refresh()).statusCode, 200)
  advance(2 * MINUTE)
  return { sid: session.sid, sub, tokens }
}

type Sessions = Record<'own' | 'other' | 'ended', Session>

function textOf(cookie: Cookie, sessions: Sessions): string {
  switch (cookie.of) {
    case 'own':
    case 'other':
    case 'ended':
      return sessions[cookie.of].tokens[cookie.gen - 1] as string
    case 'garbage':
      return cookie.text
    case 'damaged': {
      const token = sessions.own.tokens[cookie.gen - 1] as string
      return token.slice(0, cookie.at) + (token[cookie.at] === 'A' ? 'B' : 'A') + token.slice(cookie.at + 1)
    }
  }
}

await eachStore(t, async (t, open) => {
  await t.test('the refresh route handles any combination of cookies with its name', async (t) => {
    // No session expires during the test, so changing the clock is enough.
    const { app, skew } = await buildApp(t, { under: open(t), server: { logger: false } })
    let [own, other] = [await createSession(app, skew), await createSession(app, skew)]
    const ended = await createSession(app, skew)
    await app.sessions.revoke(ended.sid)
    const genOf = async ({ sid }: Session) => (await app.sessions.get(sid))?.gen ?? null

    await fuzz(t, jar, async ({ cookies, between, before }) => {
      if ((await genOf(own)) !== GENERATIONS) own = await createSession(app, skew)
      if ((await genOf(other)) !== GENERATIONS) other = await createSession(app, skew)
      const values = cookies.map((cookie) => textOf(cookie, { own, other, ended }))
      const header = before + values.map((value) => `${NAME}=${value}`).join(between)
      const url = '/auth/refresh'
      const response = await app.inject({ method: 'POST', url, headers: { cookie: header } })
      checkResponse(response, { method: 'POST', url })

      const gens = { own: newest(cookies, 'own'), other: newest(cookies, 'other') }
      const [ownGen, otherGen] = [await genOf(own), await genOf(other)]
      if ((gens.own && gens.other) || areTooMany(cookies)) {
        equal(codeOf(response), 'FRT_ERR_REFRESH_TOKEN_INVALID', 'two active sessions, or too many cookies')
        deepEqual([ownGen, otherGen], [GENERATIONS, GENERATIONS], 'no session was used')
        return
      }
      const used = gens.own || gens.other
      if (!used) {
        const isEnded = newest(cookies, 'ended') > 0
        const expected = isEnded
          ? /^FRT_ERR_SESSION_REVOKED$/
          : /^FRT_ERR_(REFRESH_TOKEN_INVALID|NO_REFRESH_TOKEN)$/
        match(String(codeOf(response)), expected)
        deepEqual([ownGen, otherGen], [GENERATIONS, GENERATIONS])
        return
      }
      const [gen, untouched] = gens.own ? [ownGen, otherGen] : [otherGen, ownGen]
      equal(untouched, GENERATIONS, 'the other session is unchanged')
      if (used === GENERATIONS) {
        equal(response.statusCode, 200, 'an older token beside the current one is not reuse')
        ok(gen === GENERATIONS || gen === GENERATIONS + 1)
      } else {
        equal(codeOf(response), 'FRT_ERR_REFRESH_TOKEN_REUSED', 'all presented tokens are retired')
        equal(gen, null)
      }
    })
  })
})

/** Returns whether there are eight cookies, or others after four valid ones. */
function areTooMany(cookies: Cookie[]): boolean {
  const validBefore = cookies.slice(0, -1).filter(({ of }) => of !== 'garbage' && of !== 'damaged')
  return cookies.length >= 8 || validBefore.length >= 4
}

function newest(cookies: Cookie[], owner: keyof Sessions): number {
  return Math.max(0, ...cookies.map((cookie) => (cookie.of === owner ? cookie.gen : 0)))
}

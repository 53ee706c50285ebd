import { deepEqual, equal, match, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { eachStore } from '../support/stores.js'
import { fuzz } from './fuzz.js'
import { codeOf, isOrderly } from './orderly.js'
import { headerText } from './strings.js'

const NAME = '__Host-refresh_token'
const MINUTE = 60_000
const GENERATIONS = 3

/** A cookie in a jar: a token of one of two sessions, by its generation, or something else. */
const cookie = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      of: fc.constantFrom('own' as const),
      gen: fc.integer({ min: 1, max: GENERATIONS })
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ of: fc.constant('other' as const), gen: fc.integer({ min: 1, max: GENERATIONS }) })
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
      at: fc.nat({ max: 85 })
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
  cookies: fc.array(cookie, { minLength: 1, maxLength: 6 }),
  between,
  before: fc.constantFrom('', ' ', ';', 'a; ', 'theme="dark"; ')
})

interface Session {
  sid: string
  sub: string
  /** By generation, the first at 0; the last one is current. */
  tokens: string[]
}

let people = 0

/** A session that was refreshed so often that its oldest tokens are long retired. */
async function begin(app: FastifyInstance, pass: (ms: number) => void): Promise<Session> {
  const client = new Client(app)
  const sub = `user-${++people}`
  await client.login({ sub })
  const tokens = [client.jar.refreshToken ?? '']
  while (tokens.length < GENERATIONS) {
    pass(2 * MINUTE)
    await client.refresh()
    tokens.push(client.jar.refreshToken ?? '')
  }
  const [session] = await app.sessions.list(sub)
  ok(session)
  // Presented once more: it is confirmed, and what is older has no more grace.
  equal((await client.refresh()).statusCode, 200)
  pass(MINUTE)
  return { sid: session.sid, sub, tokens }
}

function textOf(cookie: Cookie, own: Session, other: Session): string {
  switch (cookie.of) {
    case 'own':
      return own.tokens[cookie.gen - 1] as string
    case 'other':
      return other.tokens[cookie.gen - 1] as string
    case 'garbage':
      return cookie.text
    case 'damaged': {
      const token = own.tokens[cookie.gen - 1] as string
      return token.slice(0, cookie.at) + (token[cookie.at] === 'A' ? 'B' : 'A') + token.slice(cookie.at + 1)
    }
  }
}

await eachStore(t, async (t, open) => {
  await t.test('a jar of any cookies with our name', async (t) => {
    // Nothing here lives long enough to expire: the clock alone will do.
    const { app, skew } = await buildApp(t, { under: open(t), server: { logger: false } })
    let [own, other] = [await begin(app, skew), await begin(app, skew)]
    const genOf = async ({ sid }: Session) => (await app.sessions.get(sid))?.gen ?? null

    await fuzz(t, jar, async ({ cookies, between, before }) => {
      if ((await genOf(own)) !== GENERATIONS) own = await begin(app, skew)
      if ((await genOf(other)) !== GENERATIONS) other = await begin(app, skew)
      const values = cookies.map((each) => textOf(each, own, other))
      const header = before + values.map((value) => `${NAME}=${value}`).join(between)
      const url = '/auth/refresh'
      const response = await app.inject({ method: 'POST', url, headers: { cookie: header } })
      isOrderly(response, { method: 'POST', url })

      const gens = { own: newest(cookies, 'own'), other: newest(cookies, 'other') }
      const [mine, theirs] = [await genOf(own), await genOf(other)]
      if (gens.own && gens.other) {
        equal(codeOf(response), 'FRT_ERR_REFRESH_TOKEN_INVALID', 'two sessions')
        deepEqual([mine, theirs], [GENERATIONS, GENERATIONS], 'neither was used')
        return
      }
      const used = gens.own || gens.other
      if (!used) {
        match(String(codeOf(response)), /^FRT_ERR_(REFRESH_TOKEN_INVALID|NO_REFRESH_TOKEN)$/)
        deepEqual([mine, theirs], [GENERATIONS, GENERATIONS])
        return
      }
      const [gen, untouched] = gens.own ? [mine, theirs] : [theirs, mine]
      equal(untouched, GENERATIONS, 'the session that did not come is as it was')
      if (used === GENERATIONS) {
        equal(response.statusCode, 200, 'the current token is there, and an older one beside it is no theft')
        ok(gen === GENERATIONS || gen === GENERATIONS + 1)
      } else {
        equal(codeOf(response), 'FRT_ERR_REFRESH_TOKEN_REUSED', 'all that came were retired long ago')
        equal(gen, null)
      }
    })
  })
})

function newest(cookies: Cookie[], whose: 'own' | 'other'): number {
  return Math.max(0, ...cookies.map((each) => (each.of === whose ? each.gen : 0)))
}

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import openapiTypes, { astToString } from 'openapi-typescript'
import t, { type Test } from 'tap'
import type { FastifyRefreshTokenOptions } from '../../lib/index.js'
import { listen } from '../support/build-app.js'
import { buildDocumentedApp } from '../support/openapi.js'
import { compile, writeProgram } from '../support/typescript.js'

const LOGIN = {
  schema: {
    body: {
      type: 'object',
      required: ['username', 'password'],
      properties: { username: { type: 'string' }, password: { type: 'string' } }
    }
  }
}

const IMPORTS = `
import createClient from 'openapi-fetch'
import type { paths } from './api.js'
`

const BY_BODY = `${IMPORTS}
export async function run(baseUrl: string): Promise<unknown[]> {
  const api = createClient<paths>({ baseUrl })
  const login = await api.POST('/auth/login', { body: { username: 'ada', password: 'lovelace' } })
  if (login.error) return [login.error.code, login.error.message]
  const seconds: number = login.data.expires_in

  const refresh_token: string = login.data.refresh_token
  const refreshed = await api.POST('/auth/refresh', { body: { refresh_token } })
  const access: string | undefined = refreshed.data?.access_token

  const headers = { authorization: \`Bearer \${access}\` }
  const list = await api.GET('/auth/sessions', { headers })
  const [session] = list.data?.sessions ?? []
  const current: boolean | undefined = session?.current
  const id: string = session?.id ?? ''
  const gone = await api.DELETE('/auth/sessions/{id}', { headers, params: { path: { id } } })

  const rejected = await api.POST('/auth/refresh', { body: { refresh_token } })
  const code: string | undefined = rejected.error && 'code' in rejected.error ? rejected.error.code : undefined
  return [seconds, current, gone.response.status, code]
}
`

const BY_COOKIE = `${IMPORTS}
export async function run(baseUrl: string): Promise<unknown[]> {
  const api = createClient<paths>({ baseUrl })
  const login = await api.POST('/auth/login', { body: { username: 'ada', password: 'lovelace' } })
  const cookie = login.response.headers.getSetCookie().map((each) => each.split(';')[0]).join()
  const refreshed = await api.POST('/auth/refresh', { headers: { cookie } })
  const type: 'Bearer' | undefined = refreshed.data?.token_type
  const nothing = await api.POST('/auth/refresh', { params: { header: { dpop: 'no proof' } } })
  const nonce: string | undefined = nothing.error && 'nonce' in nothing.error ? nothing.error.nonce : undefined
  const listed = await api.GET('/auth/sessions', { headers: { authorization: \`Bearer \${login.data?.access_token}\` } })
  const bound: boolean | undefined = listed.data?.sessions[0]?.bound
  return [type, nothing.response.status, nonce, bound]
}
`

/** Each line must fail to compile. */
const INVALID = `${IMPORTS}
const api = createClient<paths>({ baseUrl: '' })
api.POST('/auth/log-in', {})
api.GET('/auth/login')
api.POST('/auth/login', { body: { username: 'ada' } })
api.POST('/auth/login', { body: { username: 'ada', password: 1 } })
api.POST('/auth/refresh')
api.POST('/auth/refresh', { body: { refreshToken: '' } })
api.DELETE('/auth/sessions/{id}', {})
api.POST('/auth/refresh', { body: { refresh_token: '' } }).then(({ data }) => data?.accessToken)
api.GET('/auth/sessions').then(({ error }) => error?.statusCode.length)
`

async function describe(
  t: Test,
  options: Partial<FastifyRefreshTokenOptions>,
  version?: '3.0.3' | '3.1.0'
): Promise<[app: FastifyInstance, types: string]> {
  const app = await buildDocumentedApp(t, {
    options: { routes: { login: LOGIN }, ...options },
    ...(version && { version })
  })
  return [app, astToString(await openapiTypes(JSON.stringify(app.swagger())))]
}

for (const version of ['3.0.3', '3.1.0'] as const) {
  t.test(`a client generated from the document compiles and works: OpenAPI ${version}`, async (t) => {
    for (const [transport, program, results] of [
      ['body', BY_BODY, [300, true, 200, 'FRT_ERR_SESSION_REVOKED']],
      ['cookie', BY_COOKIE, ['Bearer', 401, undefined, false]]
    ] as const) {
      await t.test(transport, async (t) => {
        const [app, types] = await describe(t, { transport }, version)
        const folder = writeProgram(t, { 'client.ts': program, 'api.ts': types })
        t.strictSame(await compile(folder), [])
        const { run } = await import(pathToFileURL(join(folder, 'client.ts')).href)
        t.strictSame(await run(await listen(app)), results)
      })
    }
  })
}

t.test('invalid calls do not compile', async (t) => {
  const [, types] = await describe(t, { transport: 'body' })
  const folder = writeProgram(t, { 'invalid.ts': INVALID, 'api.ts': types })
  const lines = INVALID.split('\n').flatMap((line, i) =>
    line.startsWith('api.') ? [`invalid.ts:${i + 1}`] : []
  )
  const errors = await compile(folder)
  t.strictSame([...new Set(errors.map((error) => error.split(' ')[0]))], lines, errors.join('\n'))
})

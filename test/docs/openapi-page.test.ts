import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import openapiTypes, { astToString } from 'openapi-typescript'
import t from 'tap'
import { listen, SECRET } from '../support/build-app.js'
import { lint } from '../support/openapi.js'
import { blocksOf, compile, writeProgram } from '../support/typescript.js'

const WITH_AUTH_FETCH = `
import createClient from 'openapi-fetch'
import { createAuthFetch } from 'fastify-refresh-token/client'
import type { paths } from './api.js'

export async function whoAmI(baseUrl: string): Promise<string | undefined> {
  const auth = createAuthFetch({ baseUrl })
  await auth.login({ username: 'grace', password: 'analytical engine' })
  const api = createClient<paths>({ baseUrl, fetch: auth.fetch })
  return (await api.GET('/me')).data?.id
}
`

t.test("the page's app has a document without a fault; its client compiles, and works", async (t) => {
  const page = await readFile('docs/guides/openapi.md', 'utf8')
  const [server = ''] = blocksOf(page, 'js')
  const [client = ''] = blocksOf(page, 'ts')

  process.env.AUTH_SECRET = SECRET
  const exported = server.replace('await app.listen({ port: 3000 })', 'export { app }')
  const { app } = await load(writeProgram(t, { 'app.mjs': exported }), 'app.mjs')
  t.after(() => app.close())
  await app.ready()
  const document = (await app.inject('/openapi.json')).json()
  t.strictSame(await lint(document), [])
  t.notOk('/auth/logout-all' in document.paths)

  await t.test('clients', async (t) => {
    const origin = await listen(app)
    const folder = writeProgram(t, {
      'api.ts': astToString(await openapiTypes(JSON.stringify(document))),
      'client.ts': client.replace('http://localhost:3000', origin),
      'with-auth-fetch.ts': WITH_AUTH_FETCH
    })
    t.strictSame(await compile(folder), [])

    const logged: unknown[] = []
    const { log } = console
    t.after(() => Object.assign(console, { log }))
    console.log = (line) => logged.push(line)
    await load(folder, 'client.ts')
    t.strictSame(logged, ['ada'])
    const { whoAmI } = await load(folder, 'with-auth-fetch.ts')
    t.equal(await whoAmI(origin), 'grace')
  })
})

const load = (folder: string, file: string) => import(pathToFileURL(join(folder, file)).href)

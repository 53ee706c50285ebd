import { join } from 'node:path'
import t from 'tap'
import { type Block, blocksIn } from './code-blocks/blocks.js'
import { startServer, writeFiles } from './code-blocks/run.js'
import { SECRETS } from './code-blocks/treat.js'

// The program of docs/guides/cookie-sessions.md, with a browser that keeps cookies.

/** Adds a page for each other URL. */
function withAnyPage(block: Block): Block {
  const page = "app.get('/*', { onRequest: requireUser }, async () => 'page')"
  return { ...block, code: block.code.replace('await app.listen', `${page}\n$&`) }
}

t.test('the program logs in, refreshes and logs out', async (t) => {
  const folder = await writeFiles(t, (await blocksIn('docs/guides/cookie-sessions.md')).map(withAnyPage))
  const { origin } = await startServer(t, join(folder, 'app.mjs'), SECRETS)
  const cookies = new Map<string, string>()

  async function send(path: string, form?: Record<string, string>, headers = {}) {
    const response = await fetch(origin + path, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), ...headers },
      ...(form && { method: 'POST', body: new URLSearchParams(form) })
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value) cookies.set(name, value)
      else cookies.delete(name)
    }
    return {
      status: response.status,
      location: response.headers.get('location'),
      body: await response.text()
    }
  }

  t.match(await send('/account'), { status: 303, location: '/login' })
  t.match(await send('/login', { username: 'ada', password: 'wrong' }), { status: 401 })
  const login = { username: 'ada', password: 'analytical engine' }
  const evil = { 'sec-fetch-site': 'cross-site' }
  t.match(await send('/login', login, evil), { status: 403 })
  t.match(await send('/login', login), { status: 303, location: '/account' })
  t.match(await send('/account'), { status: 200, body: 'You are ada' })

  // The browser drops the cookie of an expired access token.
  cookies.delete('__Host-access_token')
  t.match(await send('/account'), { status: 307, location: '/./account' })
  t.match(await send('/account'), { status: 200, body: 'You are ada' })

  for (const path of ['//evil.example/', '///evil.example', '/a//b']) {
    cookies.delete('__Host-access_token')
    const { status, location } = await send(path)
    t.equal(status, 307)
    t.equal(new URL(String(location), origin).href, origin + path, 'the same page of the same origin')
  }

  t.match(await send('/logout', {}), { status: 303, location: '/login' })
  t.same([...cookies], [])
  t.match(await send('/account'), { status: 303, location: '/login' })
})

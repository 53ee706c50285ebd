import { readFile } from 'node:fs/promises'
import t from 'tap'
import { blocksOf, compile, writeProgram } from '../support/typescript.js'

const page = blocksOf(await readFile('docs/guides/typescript.md', 'utf8'), 'ts').join('\n')

const MISTAKES = [
  ["claims: { roles: ['admin'] }", "claims: { roles: 'admin' }"],
  ["claims: { roles: ['admin'] }", "claims: { roles: ['admin'], nmae: 'Ada' }"],
  ["{ sub: username, claims: { roles: ['admin'] } }", '{ sub: username }'],
  ['user.name', 'user.nmae'],
  ['user.roles.includes', 'user.role.includes'],
  ['request.params.id', 'request.params.key'],
  ['request.body.n * 2', 'request.body.n.length'],
  ['routes: { login', 'route: { login']
] as const

t.test('what docs/guides/typescript.md shows compiles, and with a mistake in it does not', async (t) => {
  const mistaken = MISTAKES.map(([right, wrong], i) => [`mistake-${i}.ts`, page.replace(right, wrong)])
  const errors = await compile(writeProgram(t, { 'page.ts': page, ...Object.fromEntries(mistaken) }))
  t.strictSame(
    errors.map((error) => error.split(':')[0]),
    mistaken.map(([file]) => file),
    errors.join('\n')
  )
})

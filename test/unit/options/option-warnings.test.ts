import t from 'tap'
import { type Environment, optionWarnings } from '../../../lib/options/option-warnings.js'
import { resolveOptions } from '../../../lib/options/resolve.js'
import { MemoryStore } from '../../../lib/store/memory/memory-store.js'

const run = async () => null
const redis = { evalsha: run, eval: run, evalshaBuffer: run, evalBuffer: run, duplicate: () => null }

function warningsOf(options: object, environment: Partial<Environment> = {}): string[] {
  return optionWarnings(resolveOptions({ secret: 'x'.repeat(32), login: run, ...options }), {
    scopePrefix: '',
    isClusterWorker: false,
    isProduction: false,
    ...environment
  })
}

t.test('warns about a memory store in a cluster worker, also if it was chosen', async (t) => {
  const warning =
    'sessions are in the memory of one cluster worker; the other workers reject its refresh tokens'
  const environment = { isClusterWorker: true, isProduction: true }
  t.strictSame(warningsOf({}, environment), [warning])
  t.strictSame(warningsOf({ store: new MemoryStore() }, environment), [warning])
  t.strictSame(warningsOf({ redis }, environment), [])
})

t.test('warns about a memory store in production, unless it was chosen', async (t) => {
  const warning =
    'sessions are in memory, because neither "redis" nor "store" is set; a restart logs out all users'
  t.strictSame(warningsOf({}, { isProduction: true }), [warning])
  t.strictSame(warningsOf({ store: new MemoryStore() }, { isProduction: true }), [])
  t.strictSame(warningsOf({ redis }, { isProduction: true }), [])
  t.strictSame(warningsOf({}), [])
})

t.test('warns about a cookie path that covers no route', async (t) => {
  const cookie = (path: string) => ({ cookie: { name: '__Secure-rt', path } })
  const rows: [options: object, scopePrefix: string, url: string][] = [
    [cookie('/api'), '', '/auth/refresh'],
    [cookie('/aut'), '', '/auth/refresh'],
    [cookie('/auth/'), '/api', '/api/auth/refresh'],
    [cookie('/auth/login'), '', '/auth/refresh'],
    [{ ...cookie('/auth'), routes: { prefix: '' } }, '', '/refresh'],
    [{ ...cookie('/x'), routes: { refresh: false } }, '', '/auth/logout'],
    [{ ...cookie('/x'), transport: () => 'body' }, '', '/auth/refresh']
  ]
  for (const [options, scopePrefix, url] of rows) {
    const [warning, ...others] = warningsOf(options, { scopePrefix })
    t.match(warning, /^option "cookie\.path" is '.+', which does not cover '/)
    t.match(warning, `'${url}'`)
    t.strictSame(others, [])
  }
  const covered: [options: object, scopePrefix: string][] = [
    [cookie('/'), ''],
    [cookie('/auth'), ''],
    [cookie('/auth/'), ''],
    [cookie('/auth/refresh'), ''],
    [cookie('/api'), '/api'],
    [{ ...cookie('/x'), transport: 'body' }, ''],
    [{ ...cookie('/x'), transport: 'header' }, ''],
    [{ ...cookie('/x'), routes: { refresh: false, logout: false } }, '']
  ]
  for (const [options, scopePrefix] of covered) t.strictSame(warningsOf(options, { scopePrefix }), [])
})

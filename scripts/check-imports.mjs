// Checks the imports of lib/ and types/: every import points down the list below, and there is no import cycle.
// Type-only imports count. ARCHITECTURE.md describes the layers.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-6'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

/**
 * The layers, from top to bottom. A file belongs to the longest entry that its path starts with. It may import files of
 * its own layer and of the layers below. Entries on one line are one layer.
 */
const LAYERS = `
lib/index
lib/plugin
lib/resource-server/
lib/http/decorators
lib/http/routes/
lib/http/openapi/ lib/http/app-sessions
lib/http/guards/
lib/http/transport/ lib/http/error-headers
lib/http/binding/
lib/sessions/session-service
lib/sessions/create-session lib/sessions/refresh-session lib/sessions/reissue-access-token
lib/sessions/load-claims
lib/sessions/issue-tokens lib/sessions/revoke-session
lib/sessions/components
lib/sessions/key-binding
lib/sessions/revocation/
lib/sessions/store-access/
lib/sessions/observability/
lib/sessions/
lib/options/
lib/store/redis/redis-store
lib/store/redis/feed/ lib/store/redis/replication/
lib/store/redis/failover/
lib/store/redis/
lib/store/memory/
lib/store/
lib/tokens/
lib/utils/
lib/errors
types/
`
  .trim()
  .split('\n')
  .map((line) => line.split(' '))

/** Imports that are forbidden in addition to the order of the layers: files that match `from` must not import `not`. */
const RESTRICTIONS = [
  { from: /^lib\/client\//, not: /^lib\/(?!client\/)|^types\/|^node:/, why: 'the client runs in browsers' },
  { from: /^(lib\/(?!client\/)|types\/)/, not: /^lib\/client\//, why: 'the server does not use the client' },
  {
    from: /^(lib\/(?!testing\/)|types\/)/,
    not: /^lib\/testing\//,
    why: 'applications must not load the test suite'
  },
  {
    from: /^lib\/testing\//,
    not: /^lib\/(?!testing\/|http\/transport\/token-names|tokens\/|utils\/)|^(?!lib\/|types\/|node:assert)/,
    why: 'the suite runs under every test runner and for every store'
  },
  {
    from: /^lib\/store\/memory\//,
    not: /^lib\/store\/redis\//,
    why: 'the stores are independent of each other'
  },
  {
    from: /^lib\/store\/redis\//,
    not: /^lib\/store\/memory\//,
    why: 'the stores are independent of each other'
  },
  { from: /^lib\/(?!store\/redis\/)/, not: /^ioredis$/, why: 'only the Redis store uses Redis' },
  {
    from: /^lib\/(sessions|options|store|utils|errors)/,
    not: /^fastify(-plugin)?$/,
    why: 'this layer does not use Fastify at run time'
  }
]

const problems = []
const files = ['lib', 'types']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => posix.join(folder, String(name)))
  )
  .filter((file) => /\.[cm]?tsx?$/.test(file))
  .sort()

/** @type {Map<string, string[]>} */
const graph = new Map()
for (const file of files) {
  if (file.endsWith('.d.ts'))
    problems.push(`${file}: tsc does not copy .d.ts files into dist, rename it to .ts`)
  const edges = []
  for (const { specifier, typeOnly } of importsOf(file)) {
    if (specifier.startsWith('.')) {
      const target = posix.join(posix.dirname(file), specifier).replace(/\.([cm]?)js$/, '.$1ts')
      if (files.includes(target)) edges.push(target)
      else problems.push(`${file}: ${specifier} is not a file of lib/ or types/ (write the .js suffix)`)
    } else if (!typeOnly) {
      edges.push(builtinModules.includes(specifier) ? `node:${specifier}` : specifier)
    }
  }
  graph.set(file, edges)
  for (const edge of edges) {
    if (isUpward(file, edge)) problems.push(`${file} imports ${edge}, which is in a higher layer`)
    for (const { from, not, why } of RESTRICTIONS) {
      if (from.test(file) && not.test(edge)) problems.push(`${file} imports ${edge}: ${why}`)
    }
  }
}

const done = new Set()
for (const file of files) visit(file, [])

for (const problem of new Set(problems)) console.error(problem)
if (problems.length > 0) process.exit(1)
const atTop = files.filter((file) => /^lib\/[^/]+$/.test(file)).length
console.log(`${files.length} files, ${atTop} directly in lib/, 0 import cycles, 0 imports of higher layers`)

function isUpward(from, to) {
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)]
  return fromLayer >= 0 && toLayer >= 0 && toLayer < fromLayer
}

/** The index of a file's layer, or -1 if it has none: the client, the test suite, and packages. */
function layerOf(file) {
  const matches = LAYERS.flatMap((prefixes, layer) =>
    prefixes.filter((prefix) => file.startsWith(prefix)).map((prefix) => ({ layer, length: prefix.length }))
  )
  return matches.sort((a, b) => b.length - a.length)[0]?.layer ?? -1
}

function visit(file, path) {
  if (path.includes(file)) {
    problems.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
    return
  }
  if (done.has(file)) return
  for (const edge of graph.get(file) ?? []) visit(edge, [...path, file])
  done.add(file)
}

// Returns every import: import, export … from, import(), import('…').Type, require().
function importsOf(file) {
  const found = []
  const add = (node, typeOnly) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly })
  }
  const visitNode = (node) => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause
      const named = clause?.namedBindings
      const allTypes =
        named &&
        ts.isNamedImports(named) &&
        !clause.name &&
        named.elements.length > 0 &&
        named.elements.every((element) => element.isTypeOnly)
      add(node.moduleSpecifier, Boolean(clause?.isTypeOnly || allTypes))
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly)
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
    } else if (ts.isCallExpression(node)) {
      const callee = node.expression
      const loads = callee.kind === ts.SyntaxKind.ImportKeyword || callee.getText(source) === 'require'
      if (loads) add(node.arguments[0], false)
    }
    ts.forEachChild(node, visitNode)
  }
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  visitNode(source)
  return found
}

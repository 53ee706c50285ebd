// No import cycles in lib/ and types/, type-only imports included; and imports that point one way.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-6'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

// What `from` matches must not import what `not` matches: a file, or a package used at run time.
const rules = [
  { from: /./, not: /^lib\/index\.ts$/, why: 'lib/index.ts wires the others, none of them needs it' },
  {
    from: /^types\//,
    not: /^lib\/(index|options|routes|transport|csrf|authenticate)/,
    why: 'types describe'
  },
  { from: /^lib\/errors\.ts$/, not: /^lib\//, why: 'the table of errors knows nobody' },
  {
    from: /^lib\/(store|tokens|revocation)\//,
    not: /^lib\/(routes|transport|csrf|authenticate|session-service)|^fastify$/,
    why: 'stores, tokens and the feed know neither HTTP nor the service'
  },
  {
    from: /^lib\/store\/(?!redis)/,
    not: /^lib\/store\/redis|^ioredis$/,
    why: 'the contract never speaks Redis'
  },
  {
    from: /^lib\/session-service/,
    not: /^lib\/(routes|store\/redis|transport|csrf|authenticate)|^fastify$|^ioredis$/,
    why: 'the service knows neither Fastify nor Redis'
  },
  { from: /^lib\/(transport|csrf|authenticate)/, not: /^lib\/routes/, why: 'routes sit on top' },
  { from: /^lib\/client\//, not: /^lib\/(?!client\/)|^node:/, why: 'the client runs in browsers' },
  { from: /^lib\/(?!client\/|index\.ts)/, not: /^lib\/client\//, why: 'the server does not need the client' },
  { from: /^(lib\/(?!testing\/)|types\/)/, not: /^lib\/testing\//, why: 'no app carries the tests along' },
  {
    from: /^lib\/testing\//,
    not: /^lib\/(store\/redis|routes|options)|^(?!lib\/|types\/|node:assert)/,
    why: 'the tests run under any runner, and for any store'
  }
]

const problems = []
const files = ['lib', 'types']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => posix.join(folder, String(name)))
  )
  .filter((file) => /\.[cm]?tsx?$/.test(file) && !file.endsWith('.tst.ts'))
  .sort()

/** @type {Map<string, string[]>} */
const graph = new Map()
for (const file of files) {
  if (file.endsWith('.d.ts')) problems.push(`${file}: tsc copies no .d.ts into dist; name it .ts`)
  const edges = []
  for (const { specifier, typeOnly } of importsOf(file)) {
    if (specifier.startsWith('.')) {
      const target = posix.join(posix.dirname(file), specifier).replace(/\.([cm]?)js$/, '.$1ts')
      if (files.includes(target)) edges.push(target)
      else problems.push(`${file}: ${specifier} is no file of lib/ or types/ (write the .js suffix)`)
    } else if (!typeOnly) {
      edges.push(builtinModules.includes(specifier) ? `node:${specifier}` : specifier)
    }
  }
  graph.set(file, edges)
  for (const { from, not, why } of rules) {
    if (!from.test(file)) continue
    for (const edge of edges) if (not.test(edge)) problems.push(`${file} imports ${edge}: ${why}`)
  }
}

const done = new Set()
for (const file of files) visit(file, [])

for (const problem of new Set(problems)) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${files.length} files, no import cycle, no import against the grain`)

function visit(file, path) {
  if (path.includes(file)) {
    problems.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
    return
  }
  if (done.has(file)) return
  for (const edge of graph.get(file) ?? []) visit(edge, [...path, file])
  done.add(file)
}

// Every import there is: import, export … from, import(), import('…').Type, require().
function importsOf(file) {
  const found = []
  const add = (node, typeOnly) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly })
  }
  const look = (node) => {
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
    ts.forEachChild(node, look)
  }
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  look(source)
  return found
}

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript-6'
import { runCompiler } from '../../support/typescript.js'
import { type Block, fileName, isCode } from './blocks.js'

/** JavaScript cannot declare what a body contains. */
const OF_UNKNOWN = /does not exist on type '(unknown|\{\})'/

/** test/docs/openapi-page.test.ts generates this module, and compiles the page with it. */
const GENERATED = "Cannot find module './api.js'"

const ROOT = resolve('.')
const PRELUDE = join(ROOT, 'test/docs/code-blocks/prelude')

/** JavaScript does not declare claims. */
const ANY_CLAIMS = join(ROOT, 'test/support/claims.d.ts')

/** The options of a new project: strict, without the additional options of this repository. */
const TYPESCRIPT = {
  noEmit: true,
  lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable'],
  exactOptionalPropertyTypes: false,
  noUncheckedIndexedAccess: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  jsx: 'react-jsx',
  isolatedModules: false,
  verbatimModuleSyntax: false
}
const JAVASCRIPT = { ...TYPESCRIPT, allowJs: true, checkJs: true, strict: false }

const isTyped = ({ language }: Block): boolean => language === 'ts' || language === 'tsx'

/** Compiles all blocks, and returns the errors of each. */
export async function compile(pages: Iterable<readonly Block[]>): Promise<Map<Block, string[]>> {
  const coded = [...pages].map((blocks) => blocks.filter(isCode))
  const typed = coded.map((blocks) => blocks.filter(isTyped))
  const untyped = coded.map((blocks) => blocks.filter((block) => !isTyped(block)))
  // A page that declares types must not declare them for other pages.
  const alone = typed.filter((blocks) => blocks.some(({ code }) => /^declare (module|global)/m.test(code)))
  const together = typed.filter((blocks) => !alone.includes(blocks))
  const results = await Promise.all([
    check(untyped, JAVASCRIPT, [ANY_CLAIMS]),
    check(together, TYPESCRIPT),
    ...alone.map((blocks) => check([blocks], TYPESCRIPT))
  ])
  return new Map(results.flatMap((problems) => [...problems]))
}

/** Compiles the blocks of some pages as one program. */
async function check(
  pages: readonly (readonly Block[])[],
  compilerOptions: object,
  declarations: readonly string[] = []
): Promise<Map<Block, string[]>> {
  const modules = pages.flatMap((blocks) => [...modulesOf(blocks)])
  if (modules.length === 0) return new Map()
  await mkdir('.tap', { recursive: true })
  const folder = resolve(await mkdtemp('.tap/code-blocks-'))
  try {
    const prelude = (await readdir(PRELUDE)).map((name) => join(PRELUDE, name))
    const files = [...prelude, ...declarations, join(ROOT, 'fastify-jwt.d.ts')]
    for (const [path, , text] of modules) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
      files.push(path)
    }
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, files, include: [] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const messages = await errorsIn(folder)
    return new Map(modules.map(([path, block]) => [block, problemsOf(messages, path, block)]))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Message {
  path: string
  line: number
  text: string
}

/** Runs the compiler, and returns its errors. */
async function errorsIn(folder: string): Promise<Message[]> {
  const output = await runCompiler(folder)
  const messages: Message[] = []
  for (const line of output.split('\n')) {
    const [, path, at, text] = /^(.+?)\((\d+),\d+\): error (.*)$/.exec(line) ?? []
    if (path && text) messages.push({ path: relative(folder, resolve(folder, path)), line: Number(at), text })
    else if (/^error /.test(line)) throw new Error(line)
    else if (line !== '' && messages.length > 0) (messages.at(-1) as Message).text += `\n${line}`
  }
  return messages
}

function problemsOf(messages: Message[], path: string, block: Block): string[] {
  return messages
    .filter((message) => message.path === path && !message.text.includes(GENERATED))
    .filter(({ text }) => isTyped(block) || !OF_UNKNOWN.test(text))
    .map(({ line, text }) => `${block.page}:${block.line + line}: ${text}`)
}

/** Makes each block a module. It imports what earlier blocks of its page declare. */
function* modulesOf(blocks: readonly Block[]): Generator<[path: string, block: Block, text: string]> {
  const declaredBefore = new Map<string, string>()
  for (const block of blocks) {
    const file = fileName(block)
    const source = ts.createSourceFile(file, block.code, ts.ScriptTarget.Latest)
    const own = declaredBy(source)
    const used = identifiersOf(source)
    const imports = [...declaredBefore]
      .filter(([name]) => used.has(name) && !own.has(name))
      .map(([name, from]) => `import { ${name} } from '${specifier(file, from)}'; `)
    const exports = [...own].filter(([, isExported]) => !isExported).map(([name]) => name)
    // Added to the first line and after the last one, so that line numbers do not change.
    const text = `${imports.join('')}${block.code}\nexport { ${exports.join(', ')} }\n`
    for (const name of own.keys()) declaredBefore.set(name, file)
    yield [join(block.page.replaceAll('/', '-'), file), block, text]
  }
}

/** Returns the specifier by which one block of a page imports another. */
function specifier(file: string, from: string): string {
  const path = relative(dirname(file), from.replace(/tsx?$/, 'js'))
  return path.startsWith('.') ? path : `./${path}`
}

/** Returns the names that a module declares at its top level, and whether it exports them. */
function declaredBy(source: ts.SourceFile): Map<string, boolean> {
  const names = new Map<string, boolean>()
  const add = (node: ts.Node | undefined, isExported: boolean): void => {
    if (!node) return
    if (ts.isIdentifier(node)) names.set(node.text, isExported)
    else if (ts.isObjectBindingPattern(node) || ts.isArrayBindingPattern(node)) {
      for (const element of node.elements) if (!ts.isOmittedExpression(element)) add(element.name, isExported)
    }
  }
  for (const statement of source.statements) {
    const isExported =
      ts.canHaveModifiers(statement) &&
      (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) add(name, isExported)
    } else if (ts.isImportDeclaration(statement)) {
      const clause = statement.importClause
      const bindings = clause?.namedBindings
      add(clause?.name, false)
      if (bindings && ts.isNamespaceImport(bindings)) add(bindings.name, false)
      else for (const { name } of bindings?.elements ?? []) add(name, false)
    } else if (ts.isDeclarationStatement(statement) && !ts.isModuleDeclaration(statement)) {
      add(statement.name, isExported)
    }
  }
  return names
}

function identifiersOf(source: ts.SourceFile): Set<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

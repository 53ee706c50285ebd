import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript-6'
import { type Block, fileName, isCode } from './blocks.js'

/** What JavaScript cannot say: what is in a body. */
const OF_UNKNOWN = /does not exist on type '(unknown|\{\})'/

/** What a generator makes: test/docs/openapi-page.test.ts generates it, and compiles the page with it. */
const GENERATED = "Cannot find module './api.js'"

const ROOT = resolve('.')
const FOLDER = join(ROOT, 'test/docs/code-blocks')
const PRELUDE = ts.sys.readDirectory(join(FOLDER, 'prelude'))

/** In JavaScript nobody declares the claims. */
const ANY_CLAIMS = join(ROOT, 'test/support/claims.d.ts')

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
  ts.sys,
  ROOT
)
// As a newcomer has it: strict, without what this repository asks of itself beyond that.
const typescript: ts.CompilerOptions = {
  ...options,
  lib: [...(options.lib ?? []), 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  exactOptionalPropertyTypes: false,
  noUncheckedIndexedAccess: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  jsx: ts.JsxEmit.ReactJSX,
  isolatedModules: false,
  verbatimModuleSyntax: false
}
const javascript: ts.CompilerOptions = { ...typescript, allowJs: true, checkJs: true, strict: false }

const isTyped = ({ language }: Block): boolean => language === 'ts' || language === 'tsx'

/** What the compiler finds wrong, by the block. */
export function compile(pages: Iterable<readonly Block[]>): Map<Block, string[]> {
  const coded = [...pages].map((blocks) => blocks.filter(isCode))
  const typed = coded.map((blocks) => blocks.filter(isTyped))
  const untyped = coded.map((blocks) => blocks.filter((block) => !isTyped(block)))
  // A page that declares types of its own must not declare them for the others.
  const alone = typed.filter((blocks) => blocks.some(({ code }) => /^declare (module|global)/m.test(code)))
  const together = typed.filter((blocks) => !alone.includes(blocks))
  return new Map([
    ...check(untyped, javascript, [ANY_CLAIMS]),
    ...check(together, typescript),
    ...alone.flatMap((blocks) => [...check([blocks], typescript)])
  ])
}

/** Parsed once for all programs. */
const parsed = new Map<string, ts.SourceFile | undefined>()

function check(
  pages: readonly (readonly Block[])[],
  options: ts.CompilerOptions,
  declarations: readonly string[] = []
): Map<Block, string[]> {
  const files = new Map<string, string>()
  const paths = new Map<Block, string>()
  for (const blocks of pages) {
    for (const [path, block, text] of modulesOf(blocks)) {
      files.set(path, text)
      paths.set(block, path)
    }
  }
  if (files.size === 0) return new Map()
  const program = ts.createProgram({
    rootNames: [...files.keys(), ...PRELUDE, ...declarations, join(ROOT, 'fastify-jwt.d.ts')],
    options,
    host: hostOf(files, options)
  })
  return new Map([...paths].map(([block, path]) => [block, problemsOf(program, path, block)]))
}

/** Each block is a module, which sees what those before it on its page declare. */
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
    // In the first line and after the last, so that lines stay what they are.
    const text = `${imports.join('')}${block.code}\nexport { ${exports.join(', ')} }\n`
    for (const name of own.keys()) declaredBefore.set(name, file)
    yield [join(FOLDER, block.page.replaceAll('/', '-'), file), block, text]
  }
}

/** How one block of a page imports another. */
function specifier(file: string, from: string): string {
  const path = relative(dirname(file), from.replace(/tsx?$/, 'js'))
  return path.startsWith('.') ? path : `./${path}`
}

/** The names that a module declares at its top, and whether it exports them. */
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

function hostOf(files: Map<string, string>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const folders = new Set([...files.keys()].map(dirname))
  return {
    ...host,
    fileExists: (path) => files.has(path) || host.fileExists(path),
    readFile: (path) => files.get(path) ?? host.readFile(path),
    directoryExists: (path) => folders.has(path) || ts.sys.directoryExists(path),
    getSourceFile(path, languageVersion) {
      const text = files.get(path)
      if (text !== undefined) return ts.createSourceFile(path, text, languageVersion)
      if (!parsed.has(path)) parsed.set(path, host.getSourceFile(path, languageVersion))
      return parsed.get(path)
    }
  }
}

function problemsOf(program: ts.Program, path: string, block: Block): string[] {
  const file = program.getSourceFile(path)
  if (!file) throw new Error(`${path} is not in the program`)
  const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
  return found.flatMap((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
    if (!isTyped(block) && OF_UNKNOWN.test(message)) return []
    if (message.startsWith(GENERATED)) return []
    const { line } = ts.getLineAndCharacterOfPosition(diagnostic.file!, diagnostic.start!)
    return [`${block.page}:${block.line + 1 + line}: TS${diagnostic.code} ${message}`]
  })
}

// Finds the files of lib/ that no test imports, which the coverage of tap does not include.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import tsBlankSpace from 'ts-blank-space'
import ts from 'typescript-6'
import { root } from '../run.mjs'

/** Returns the files of lib/ that contain code and are missing from the coverage report. */
export function filesWithoutCoverage() {
  let covered
  try {
    covered = Object.keys(JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8')))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    covered = []
  }
  return readdirSync('lib', { recursive: true })
    .map((name) => join('lib', String(name)))
    .filter((file) => file.endsWith('.ts') && !covered.includes(join(root, file)) && hasCode(file))
}

function hasCode(file) {
  const code = tsBlankSpace(readFileSync(file, 'utf8'))
  return ts
    .createSourceFile(file, code, ts.ScriptTarget.Latest)
    .statements.some(
      (statement) =>
        !ts.isEmptyStatement(statement) && !(ts.isExportDeclaration(statement) && !statement.moduleSpecifier)
    )
}

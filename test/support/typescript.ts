import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'

const ROOT = resolve(import.meta.dirname, '../..')

const CONFIG = {
  extends: join(ROOT, 'tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    rootDir: ROOT,
    noUnusedLocals: false,
    paths: {
      'fastify-refresh-token': [join(ROOT, 'lib/index.ts')],
      'fastify-refresh-token/client': [join(ROOT, 'lib/client/index.ts')]
    }
  },
  files: [join(ROOT, 'fastify-jwt.d.ts')],
  include: ['*.ts']
}

/** Returns the code blocks of a page in one language. */
export function blocksOf(page: string, language: 'js' | 'ts'): string[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, is, code = '']) =>
    is === language ? [code] : []
  )
}

/** Writes the files into a folder of the test's own, in which the package and its dependencies are found. */
export function writeProgram(t: Test, files: Record<string, string>): string {
  return t.testdir({
    ...files,
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify(CONFIG)
  })
}

/**
 * Compiles a folder together with the sources of the package. Returns the errors as `file.ts:line message`.
 */
export async function compile(folder: string): Promise<string[]> {
  const args = [join(ROOT, 'node_modules/typescript/lib/tsc.js'), '-p', folder, '--pretty', 'false']
  const output = await new Promise<string>((done, fail) => {
    execFile(process.execPath, args, { cwd: folder, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error && (error.killed || stdout === '')) fail(new Error(stderr, { cause: error }))
      else done(stdout)
    })
  })
  return [...output.matchAll(/^([^\s/]+)\((\d+),\d+\): error (.*)$/gm)].map(
    ([, file, line, message]) => `${file}:${line} ${message}`
  )
}

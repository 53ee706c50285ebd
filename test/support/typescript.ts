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

/** Writes the files into a folder of this test. There, the package and its dependencies can be imported. */
export function writeProgram(t: Test, files: Record<string, string>): string {
  return t.testdir({
    ...files,
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify(CONFIG)
  })
}

/** Compiles a folder together with the sources of the package. Returns the errors as `file.ts:line message`. */
export async function compile(folder: string): Promise<string[]> {
  const output = await runCompiler(folder)
  return [...output.matchAll(/^([^\s/]+)\((\d+),\d+\): error (.*)$/gm)].map(
    ([, file, line, message]) => `${file}:${line} ${message}`
  )
}

/** Runs the native compiler in a folder with a `tsconfig.json`. Returns its output. With one thread it needs half the CPU time. */
export async function runCompiler(folder: string): Promise<string> {
  const tsc = join(ROOT, 'node_modules/typescript/lib/tsc.js')
  const args = [tsc, '-p', folder, '--pretty', 'false', '--singleThreaded']
  return new Promise((done, fail) => {
    execFile(process.execPath, args, { cwd: folder, timeout: 300_000 }, (error, stdout, stderr) => {
      if (error && (error.killed || stdout === '')) fail(new Error(stderr, { cause: error }))
      else done(stdout)
    })
  })
}

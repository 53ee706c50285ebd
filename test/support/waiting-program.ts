import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const loader = fileURLToPath(new URL('../../scripts/ts-loader.mjs', import.meta.url))

export interface ProgramResult {
  code: number | null
  output: string
  errors: string
}

/**
 * Runs a program of this folder in a process of its own until it exits by itself.
 * @param whenReady called when the program has written its first line. Then the program gets the line `go`
 */
export async function runWaitingProgram(
  t: Test,
  file: string,
  env: Record<string, string>,
  whenReady: () => unknown
): Promise<ProgramResult> {
  const program = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', loader, program],
    { env: { ...process.env, ...env, NODE_V8_COVERAGE: undefined }, stdio: 'pipe' }
  )
  t.after(() => child.kill('SIGKILL'))
  const result: ProgramResult = { code: null, output: '', errors: '' }
  child.stdout.on('data', (chunk) => {
    result.output += chunk
  })
  child.stderr.on('data', (chunk) => {
    result.errors += chunk
  })
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  await whenReady()
  child.stdin.write('go\n')
  const [code] = await exited
  return { ...result, code }
}

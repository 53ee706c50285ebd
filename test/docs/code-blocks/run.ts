import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Block, fileName, isCode } from './blocks.js'

interface Owner {
  after(fn: () => Promise<void>): unknown
}

const TIMEOUT_MS = 300_000

/** Writes the files of a page into a folder below the project, so that they find its packages. */
export async function writeFiles(t: Owner, blocks: readonly Block[]): Promise<string> {
  await mkdir('.tap', { recursive: true })
  const folder = resolve(await mkdtemp('.tap/doc-code-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const block of blocks.filter(isCode)) {
    const path = join(folder, fileName(block))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, block.code)
  }
  return folder
}

/** Returns whether a block is a complete server or a test file. Other blocks are only compiled. */
export function kindOf({ code, ...block }: Block): 'server' | 'tests' | undefined {
  if (!isCode({ code, ...block }) || !/^(import|const .* = require\()/m.test(code)) return undefined
  if (/['"]node:test['"]/.test(code)) return 'tests'
  return /\.listen\(/.test(code) ? 'server' : undefined
}

export interface Server {
  origin: string
  /** Returns everything that the program has written. */
  output(): string
  stop(): Promise<void>
}

/** Starts a program of a page on a free port. */
export async function startServer(
  t: Owner,
  path: string,
  env: Record<string, string> = {},
  args: readonly string[] = []
): Promise<Server> {
  const child = spawnNode(path, env, args)
  const output = collect(child)
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill()
    await exit
  }
  t.after(stop)
  const exited = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${path} exited (${code ?? signal}) before it listened:\n${output()}`)
  })
  const listening = once(child, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) })
  exited.catch(() => {})
  const [{ port }] = (await Promise.race([listening, exited])) as [{ port: number }]
  return { origin: `http://localhost:${port}`, output, stop }
}

/** Runs a file until it exits. Returns its output if it fails. */
export async function runToEnd(path: string, env: Record<string, string> = {}): Promise<string | undefined> {
  const child = spawnNode(path, env)
  return outcomeOf(child, collect(child))
}

/** Ports that replace the usual ones in the commands of a page. */
export interface Ports {
  redis: number
  sentinel: number
}

const FAILS_IF_ERROR = 'case "$answer" in ERR*|NO*|WRONG*) exit 1 ;; esac'

/**
 * Runs commands with a shell that stops at the first failure. A status of 400 or more fails curl, and an error reply
 * fails redis-cli.
 */
export async function runShell(code: string, folder: string, ports: Ports): Promise<string | undefined> {
  const bin = join(folder, 'bin')
  await writeCommand(bin, 'curl', 'exec curl --fail "$@"')
  await writeCommand(
    bin,
    'redis-cli',
    `answer=$(redis-cli -p ${ports.redis} "$@")\necho "$answer"\n${FAILS_IF_ERROR}`
  )
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  const here = code.replaceAll('redis-cli -p 26379', `redis-cli -p ${ports.sentinel}`)
  const child = spawn('/bin/sh', ['-e', '-c', here], { cwd: folder, env, timeout: TIMEOUT_MS })
  return outcomeOf(child, collect(child))
}

async function writeCommand(bin: string, name: string, lines: string): Promise<void> {
  await mkdir(bin, { recursive: true })
  await writeFile(join(bin, name), `#!/bin/sh\nPATH=\${PATH#*:}\n${lines}\n`)
  await chmod(join(bin, name), 0o755)
}

function spawnNode(path: string, env: Record<string, string>, args: readonly string[] = []): ChildProcess {
  const loaders = ['scripts/ts-loader.mjs', 'test/docs/code-blocks/any-port.mjs'].flatMap((file) => [
    '--import',
    `./${file}`
  ])
  return spawn(process.execPath, [...loaders, path, ...args], {
    // Without the environment of this test, which would add its loaders.
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    timeout: TIMEOUT_MS
  })
}

function collect({ stdout, stderr }: ChildProcess): () => string {
  let output = ''
  for (const stream of [stdout, stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += String(chunk)
    })
  }
  return () => output
}

async function outcomeOf(child: ChildProcess, output: () => string): Promise<string | undefined> {
  const [code, signal] = await once(child, 'close')
  return code === 0 ? undefined : `${code ?? signal}: ${output()}`
}

/** Evaluates a block in this process, without its imports: `names` replaces them. Returns the value of `result`. */
export function evaluate(
  code: string,
  names: Record<string, unknown>,
  result = 'undefined'
): Promise<unknown> {
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor
  const body = code.replaceAll(/^import .*\n/gm, '').replaceAll(/^export /gm, '')
  return AsyncFunction(...Object.keys(names), `${body}\nreturn ${result}`)(...Object.values(names))
}

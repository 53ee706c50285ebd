import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startConfigured } from '../../support/configured-redis.js'
import type { RedisServer } from '../../support/redis-server.js'
import { type Block, fileName, isCode } from './blocks.js'
import { kindOf, runShell, runToEnd, type Server, startServer, writeFiles } from './run.js'

/** What the test did with a block. */
export type Treatment = 'compiled' | 'run' | 'parsed' | 'commands checked' | 'no code'

/** The packages whose scripts and dependencies the pages may name. */
export const MANIFESTS = ['package.json', 'bench/package.json', 'examples/fastify-cli/package.json']

interface Owner {
  after(fn: () => Promise<void>): unknown
}

/** The servers that the commands of a page may use. */
export interface Servers {
  redis: RedisServer
  sentinel: RedisServer
}

/** Environment variables that the programs of the pages read. */
export const SECRETS = {
  AUTH_SECRET: 'for the pages: any thirty-two bytes or more',
  JWT_SECRET: 'of the app as it was before, likewise long enough',
  SESSION_SECRET: 'of its sessions, likewise long enough'
}

/** Compiles, runs or checks each block of a page in order, depending on its language. Throws if a block fails. */
export class Treater {
  readonly #owner: Owner
  readonly #blocks: readonly Block[]
  readonly #folder: string
  readonly #servers: Servers
  /** The program that the commands of the page call. */
  #server: Server | undefined

  constructor(owner: Owner, blocks: readonly Block[], folder: string, servers: Servers) {
    this.#owner = owner
    this.#blocks = blocks
    this.#folder = folder
    this.#servers = servers
  }

  static async for(owner: Owner, blocks: readonly Block[], servers: Servers): Promise<Treater> {
    return new Treater(owner, blocks, await writeFiles(owner, blocks), servers)
  }

  async treat(block: Block): Promise<Treatment> {
    if (isCode(block)) return this.#run(block)
    switch (block.language) {
      case 'sh':
        return this.#shell(block.code)
      case 'conf':
        await startConfigured(this.#owner, block.code, this.#folder)
        return 'run'
      case 'json':
        JSON.parse(block.code)
        return 'parsed'
      case 'nginx': // test/docs/nginx-page.test.ts runs nginx with it
      case 'mermaid':
      case 'text':
        return 'no code'
      default:
        throw new Error(`unknown language '${block.language}'`)
    }
  }

  async #run(block: Block): Promise<Treatment> {
    const kind = kindOf(block)
    const path = join(this.#folder, fileName(block))
    const env = { REDIS_URL: this.#servers.redis.url, ...SECRETS }
    if (kind === 'tests') fail(await runToEnd(path, env))
    if (kind === 'server') {
      await this.#server?.stop()
      this.#server = await startServer(this.#owner, path, env)
    }
    return kind ? 'run' : 'compiled'
  }

  async #shell(code: string): Promise<Treatment> {
    const commands = commandsOf(code)
    const npm = commands.filter((command) => /^(npm|npx|node|cd) /.test(command))
    if (npm.length === commands.length) {
      for (const command of commands) await checkCommand(command, this.#blocks)
      return 'commands checked'
    }
    const isKnown = npm.length === 0 && /\b(curl|redis-cli|openssl) /.test(code)
    if (!isKnown) throw new Error(`unknown commands:\n${code}`)
    if (/\bcurl /.test(code) && !this.#server) throw new Error('no program of this page runs')
    const atServer = code.replaceAll(/http:\/\/(localhost|127\.0\.0\.1):3000/g, this.#server?.origin ?? '$&')
    const { redis, sentinel } = this.#servers
    fail(await runShell(atServer, this.#folder, { redis: redis.port, sentinel: sentinel.port }))
    return 'run'
  }
}

/** Returns the commands without comments and without variables that are set for them. */
function commandsOf(code: string): string[] {
  const setting = /^(\w+=("[^"]*"|'[^']*'|\$\([^)]*\)|\S*) +)+/
  return code
    .replaceAll('\\\n', ' ')
    .split(/\n|&&/)
    .map((command) =>
      command
        .replace(/(^|\s)#.*/, '')
        .trim()
        .replace(setting, '')
    )
    .filter(Boolean)
}

/** Checks that the script, the packages or the file of an npm or node command exist. */
async function checkCommand(command: string, blocks: readonly Block[]): Promise<void> {
  const [program, verb = '', ...rest] = command.split(/\s+/)
  const manifests = await Promise.all(MANIFESTS.map(readManifest))
  const names = new Set(
    manifests.flatMap((manifest) => Object.keys({ ...manifest.scripts, ...manifest.packages }))
  )
  const known = (name: string) => fail(names.has(name) ? undefined : `${command}: there is no ${name}`)
  if (program === 'node') {
    const isThere = blocks.some((block) => isCode(block) && fileName(block) === verb)
    fail(isThere ? undefined : `${command}: no block of this page is ${verb}`)
  } else if (program === 'npx') {
    known(verb)
    const [file = ''] = rest
    fail(existsSync(file) ? undefined : `${command}: there is no ${file}`)
  } else if (program === 'npm' && verb === 'run') known(rest[0] ?? '')
  else if (program === 'npm' && ['i', 'install'].includes(verb)) {
    for (const name of rest.filter((arg) => !arg.startsWith('-'))) known(name)
  } else if (program !== 'cd' && !['ci', 'test'].includes(verb)) fail(`${command}: not known`)
}

interface Manifest {
  scripts: Record<string, string>
  packages: Record<string, string>
}

async function readManifest(path: string): Promise<Manifest> {
  const manifest = JSON.parse(await readFile(path, 'utf8'))
  const { name, scripts, dependencies, devDependencies, peerDependencies } = manifest
  return { scripts, packages: { [name]: '', ...dependencies, ...devDependencies, ...peerDependencies } }
}

function fail(problem: string | undefined): void {
  if (problem !== undefined) throw new Error(problem)
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'

/** What a test of tap (or node:test) offers; the server ends with it. */
export interface Owner {
  after(fn: () => Promise<void>): unknown
}

/** Without the option that changes the type of every reply. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Ends the server: SIGTERM, then SIGKILL. Safe to call twice. The clients stay, so that a test sees them fail. */
  stop(): Promise<void>
  /** A client that is disconnected when the test ends. */
  client(options?: ClientOptions): Redis
}

const host = '127.0.0.1'
const BASE = ['--bind', host, '--save', '', '--appendonly', 'no']
const readyMs = 10_000
const termMs = 2_000
const attempts = 8

/**
 * Starts a redis-server of its own on a free loopback port. `args` are added to its command line
 * (`['--maxmemory', '5mb']`); with `--port` among them that port is taken, as to bring a stopped server back,
 * and with `--dir` that folder, which stays.
 * A Sentinel needs a file for its configuration.
 */
export async function startRedis(
  t: Owner,
  args: readonly string[] = [],
  configFile?: string
): Promise<RedisServer> {
  const clients: Redis[] = []
  let stop = async (): Promise<void> => {}
  t.after(async () => {
    for (const client of clients) client.disconnect()
    await stop()
  })

  const wanted = args.includes('--port') ? Number(args[args.indexOf('--port') + 1]) : undefined
  const { child, port, log, end } = await launch(
    configFile ? [configFile, ...BASE, ...args] : [...BASE, ...args],
    wanted
  )
  stop = end
  const pid = child.pid
  if (pid === undefined) throw new Error(`redis-server has no pid: ${log()}`)
  return {
    port,
    url: `redis://${host}:${port}`,
    pid,
    stop,
    client(options = {}) {
      // ioredis's 2 s would keep every test file that stops its server alive for so long after its last test.
      const client = new Redis(port, host, { disconnectTimeout: 100, ...options })
      // Without a listener ioredis prints every lost connection; what a test needs to see reaches its commands.
      client.on('error', () => {})
      clients.push(client)
      return client
    }
  }
}

interface Launched {
  child: ChildProcess
  port: number
  log(): string
  end(): Promise<void>
}

// Between picking a port and binding it another process may take it: redis-server exits, and the next port is tried.
async function launch(args: readonly string[], wanted: number | undefined): Promise<Launched> {
  let output = ''
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = wanted ?? (await freePort())
    const launched = await launchOn(port, args)
    if (await answers(launched)) return launched
    await launched.end()
    output = launched.log()
    if (wanted !== undefined) await sleep(50)
  }
  throw new Error(`redis-server did not start: ${output}`)
}

async function launchOn(port: number, args: readonly string[]): Promise<Launched> {
  const dir = await mkdtemp(join(tmpdir(), 'redis-'))
  const child = spawn(
    process.env.REDIS_SERVER ?? 'redis-server',
    [...args, '--port', String(port), ...(args.includes('--dir') ? [] : ['--dir', dir])],
    { stdio: ['ignore', 'pipe', 'pipe'] }
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + String(chunk)).slice(-2_000)
    })
  }
  child.on('error', (error) => {
    output += error.message
  })
  const watchdog = watch(child, dir)
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return { child, port, log: () => output, end }

  async function end(): Promise<void> {
    if (isRunning(child)) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), termMs)
      await closed
      clearTimeout(timer)
    }
    if (child.pid !== undefined) await closed
    watchdog?.kill('SIGKILL')
    await rm(dir, { recursive: true, force: true })
  }
}

// However this process ends, by SIGKILL too, the watchdog's input closes: then it ends the server.
function watch(child: ChildProcess, dir: string): ChildProcess | undefined {
  if (child.pid === undefined || process.platform === 'win32') return
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$0"; rm -rf "$1"', String(child.pid), dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true
  })
  child.once('exit', () => watchdog.kill('SIGKILL'))
  watchdog.unref()
  return watchdog
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

async function answers({ child, port }: Launched): Promise<boolean> {
  const deadline = Date.now() + readyMs
  while (isRunning(child) && Date.now() < deadline) {
    const answer = await ask(port, 'PING\r\nINFO server\r\n')
    // Behind a password INFO says nothing; elsewhere it tells our server from a stranger's on the same port.
    if (answer.includes('NOAUTH') || answer.includes(`\r\nprocess_id:${child.pid}\r\n`))
      return isRunning(child)
    await sleep(10)
  }
  return false
}

/** What the server says to an inline command until it has gone quiet; '' where nobody listens. */
async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, host)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += String(chunk)
    if (/NOAUTH|process_id:\d+\r\n/.test(answer)) socket.destroy()
  })
  socket.on('error', () => {})
  socket.setTimeout(1_000, () => socket.destroy())
  socket.write(command)
  await once(socket, 'close').catch(() => {})
  return answer
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

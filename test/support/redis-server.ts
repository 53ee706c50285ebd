import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'

/** The part of a tap or node:test test that is needed. The server stops after the test. */
export interface Owner {
  after(fn: () => unknown): unknown
}

/** Excludes the option that changes the type of every reply. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Stops the server: SIGTERM, then SIGKILL. Safe to call twice. The clients stay open, so that a test can see them fail. */
  stop(): Promise<void>
  /** A client that is disconnected when the test ends. */
  client(options?: ClientOptions): Redis
}

const host = '127.0.0.1'
const BASE = ['--bind', host, '--save', '', '--appendonly', 'no']
const readyMs = 60_000
const termMs = 2_000
const attempts = 8

/**
 * Starts a redis-server on a free loopback port.
 * @param args added to the command line, for example `['--maxmemory', '5mb']`. `--port` sets the port, for example to
 * restart a stopped server. `--dir` sets the folder, which is then not deleted
 * @param configFile only for a Sentinel, which requires one
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

  const fixedPort = args.includes('--port') ? Number(args[args.indexOf('--port') + 1]) : undefined
  const {
    child,
    port,
    log,
    stop: stopServer
  } = await launch(configFile ? [configFile, ...BASE, ...args] : [...BASE, ...args], fixedPort)
  stop = stopServer
  const pid = child.pid
  if (pid === undefined) throw new Error(`redis-server has no pid: ${log()}`)
  return {
    port,
    url: `redis://${host}:${port}`,
    pid,
    stop,
    client(options = {}) {
      // The default of 2 s would keep a test file that stops its server alive for 2 s after its last test.
      const client = new Redis(port, host, { disconnectTimeout: 100, ...options })
      // Without a listener, ioredis prints every lost connection. The commands of a test reject anyway.
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
  stop(): Promise<void>
}

/** Retries with another port: another process may take a free port before redis-server binds it. */
async function launch(args: readonly string[], fixedPort: number | undefined): Promise<Launched> {
  let output = ''
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = fixedPort ?? (await freePort())
    const launched = await launchOn(port, args)
    if (await isReady(launched)) return launched
    await launched.stop()
    output = launched.log()
    if (fixedPort !== undefined) await sleep(50)
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
  const watchdog = startWatchdog(child, dir)
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return { child, port, log: () => output, stop }

  async function stop(): Promise<void> {
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

/** Starts a process that stops the server when its stdin closes, so that the server stops even if this process is killed. */
function startWatchdog(child: ChildProcess, dir: string): ChildProcess | undefined {
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

async function isReady({ child, port }: Launched): Promise<boolean> {
  const deadline = Date.now() + readyMs
  while (isRunning(child) && Date.now() < deadline) {
    const reply = await sendInline(port, 'PING\r\nINFO server\r\n')
    // With a password INFO fails. Otherwise the process id shows whether another server uses the port.
    if (reply.includes('NOAUTH') || reply.includes(`\r\nprocess_id:${child.pid}\r\n`)) return isRunning(child)
    await sleep(10)
  }
  return false
}

/** Sends inline commands and returns the reply. Returns an empty string if no server listens. */
async function sendInline(port: number, command: string): Promise<string> {
  const socket = connect(port, host)
  let reply = ''
  socket.on('data', (chunk) => {
    reply += String(chunk)
    if (/NOAUTH|process_id:\d+\r\n/.test(reply)) socket.destroy()
  })
  socket.on('error', () => {})
  socket.setTimeout(1_000, () => socket.destroy())
  socket.write(command)
  await once(socket, 'close').catch(() => {})
  return reply
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

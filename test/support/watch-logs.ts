/**
 * Loaded before every test file (.taprc). Sets every application to the log level `trace`. The process fails at its end
 * if a log line contains a token, a proof, a cookie value, a password or a configured secret of the same test file.
 */
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { Writable } from 'node:stream'
import { format } from 'node:util'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { Secrets } from './secrets.js'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
const MAX_LISTED = 20

const secrets = new Secrets()
const lines: string[] = []
const watched = new WeakSet<object>()

function write(line: unknown): void {
  lines.push(String(line))
}

subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance }
  watchLogger(fastify.log)
  collectFromTraffic(fastify)
  collectFromPlugins(fastify)
})

function watchLogger(log: FastifyBaseLogger): void {
  const stream = streamOf(log)
  if (stream) log.level = 'trace'
  if (stream && !watched.has(stream)) {
    watched.add(stream)
    const original = stream.write
    stream.write = function (this: unknown, chunk: unknown, ...rest: unknown[]) {
      write(chunk)
      return Reflect.apply(original, this, [chunk, ...rest])
    }
  }
  if (!stream && !watched.has(log)) enableLogger(log)
}

interface Stream {
  write(chunk: unknown, ...rest: unknown[]): unknown
}

/** Returns the stream of a pino logger, or `undefined` for the logger of an application without one. */
function streamOf(log: FastifyBaseLogger): Stream | undefined {
  for (let target: object | null = log; target; target = Object.getPrototypeOf(target)) {
    const key = Object.getOwnPropertySymbols(target).find(({ description }) => description === 'pino.stream')
    if (key) return Reflect.get(target, key)
  }
  return undefined
}

let sharedLogger: FastifyBaseLogger | undefined

/** Makes the shared logger of applications without a logger write like a real one. */
function enableLogger(abstractLogger: FastifyBaseLogger): void {
  watched.add(abstractLogger)
  const stream = new Writable({
    write(chunk, _encoding, done) {
      write(chunk)
      done()
    }
  })
  // The logger below also triggers `fastify.initialization`.
  watched.add(stream)
  // `require` is synchronous, and Fastify is loaded already.
  sharedLogger ??= createRequire(import.meta.url)('fastify')({ logger: { level: 'trace', stream } })
    .log as FastifyBaseLogger
  for (const level of LEVELS) abstractLogger[level] = sharedLogger[level].bind(sharedLogger)
}

function collectFromTraffic(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    secrets.addTokens(JSON.stringify(request.headers))
    secrets.addProofs(String(request.headers.dpop ?? ''))
    done()
  })
  fastify.addHook('preValidation', (request, _reply, done) => {
    const { password } = Object(request.body)
    if (typeof password === 'string') secrets.addPhrase(password)
    secrets.addTokens(JSON.stringify(request.body ?? null))
    done()
  })
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    secrets.addTokens(JSON.stringify(reply.getHeaders()))
    if (typeof payload === 'string') secrets.addTokens(payload)
    done()
  })
}

/** Collects tokens of `app.sessions`, and the secrets in plugin options. */
function collectFromPlugins(fastify: FastifyInstance): void {
  const { decorate, register } = fastify
  const wrapped = {
    decorate(this: FastifyInstance, name: string, value: unknown, ...rest: unknown[]) {
      return Reflect.apply(decorate, this, [
        name,
        name === 'sessions' ? collectTokens(value) : value,
        ...rest
      ])
    },
    register(this: FastifyInstance, plugin: unknown, options: unknown, ...rest: unknown[]) {
      const object = typeof options === 'object' && options !== null ? options : {}
      for (const secret of [Reflect.get(object, 'secret')].flat()) {
        if (typeof secret === 'string' || secret instanceof Uint8Array) secrets.addPhrase(secret)
      }
      return Reflect.apply(register as never, this, [plugin, options, ...rest])
    }
  }
  Object.assign(fastify, wrapped)
}

/** Wraps the methods of `app.sessions`, so that their tokens are collected. */
function collectTokens(sessions: unknown): unknown {
  for (const [name, method] of Object.entries(sessions as Record<string, unknown>)) {
    if (typeof method !== 'function') continue
    Reflect.set(sessions as object, name, async (...args: unknown[]) => {
      const result: unknown = await Reflect.apply(method, sessions, args)
      secrets.addTokens(JSON.stringify(result ?? null))
      return result
    })
  }
  return sessions
}

/** Removes the Host header of a request that Fastify logs. A fuzzed request can contain its Authorization header there. */
function withoutHost(line: string): string {
  return line.includes('"req":{') ? line.replace(/"host":"[^"]*"/, '') : line
}

/** Returns `true` for the trace line of Fastify that contains the raw bytes of an invalid request. */
function isRawPacketTrace(line: string): boolean {
  return line.startsWith('{"level":10,') && line.includes('"rawPacket":{')
}

for (const name of ['log', 'info', 'debug', 'warn', 'error'] as const) {
  const original = console[name]
  console[name] = (...args: unknown[]) => {
    write(format(...args))
    original.apply(console, args)
  }
}
process.on('warning', (warning) => write(warning.stack))

/** Checks the log lines since the last call. A password of one test file may be a user id of the next one. */
export function checkLogLines(): void {
  const leaks = lines.flatMap((line) => {
    const secret = isRawPacketTrace(line) ? undefined : secrets.findIn(withoutHost(line))
    return secret === undefined ? [] : [line.replaceAll(secret, '[secret]').slice(0, 1000)]
  })
  if (process.env.WATCH_LOGS_COUNTS) {
    const file = basename(process.argv[1] ?? '')
    process.stderr.write(`${file}: ${lines.length} log lines, ${secrets.size} pieces of secrets\n`)
  }
  lines.length = 0
  secrets.clear()
  if (leaks.length === 0) return
  process.exitCode = 1
  process.stderr.write(
    `${leaks.length} log lines contain a secret:\n${leaks.slice(0, MAX_LISTED).join('\n')}\n`
  )
}

process.on('exit', checkLogLines)

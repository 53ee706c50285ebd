/**
 * Loaded before every test file (.taprc): whatever app a test builds, it logs everything it can, and this
 * process fails at its end if a line holds a token, a cookie's value, a password or a configured secret.
 */
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { Writable } from 'node:stream'
import { format } from 'node:util'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { Secrets } from './secrets.js'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
const LISTED = 20

const secrets = new Secrets()
const lines: string[] = []
const watched = new WeakSet<object>()

function write(line: unknown): void {
  lines.push(String(line))
}

subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance }
  watchLogger(fastify.log)
  learnFromTraffic(fastify)
  learnFromPlugins(fastify)
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
  if (!stream && !watched.has(log)) speakUp(log)
}

interface Stream {
  write(chunk: unknown, ...rest: unknown[]): unknown
}

/** Where a logger of pino writes to; an app without a logger has another. */
function streamOf(log: FastifyBaseLogger): Stream | undefined {
  for (let each: object | null = log; each; each = Object.getPrototypeOf(each)) {
    const key = Object.getOwnPropertySymbols(each).find(({ description }) => description === 'pino.stream')
    if (key) return Reflect.get(each, key)
  }
  return undefined
}

let loud: FastifyBaseLogger | undefined

/** The logger of an app that has none, which all of them share, says what a real one would. */
function speakUp(silent: FastifyBaseLogger): void {
  watched.add(silent)
  const stream = new Writable({
    write(chunk, _encoding, done) {
      write(chunk)
      done()
    }
  })
  // One that is made here is announced, too.
  watched.add(stream)
  // By way of `require`, which is not asynchronous: Fastify is loaded by now.
  loud ??= createRequire(import.meta.url)('fastify')({ logger: { level: 'trace', stream } })
    .log as FastifyBaseLogger
  for (const level of LEVELS) silent[level] = loud[level].bind(loud)
}

function learnFromTraffic(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    secrets.learnTokens(JSON.stringify(request.headers))
    done()
  })
  fastify.addHook('preValidation', (request, _reply, done) => {
    const { password } = Object(request.body)
    if (typeof password === 'string') secrets.learnPhrase(password)
    secrets.learnTokens(JSON.stringify(request.body ?? null))
    done()
  })
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    secrets.learnTokens(JSON.stringify(reply.getHeaders()))
    if (typeof payload === 'string') secrets.learnTokens(payload)
    done()
  })
}

/** Tokens that never pass by HTTP, and what the plugin is given to make them with. */
function learnFromPlugins(fastify: FastifyInstance): void {
  const { decorate, register } = fastify
  const spied = {
    decorate(this: FastifyInstance, name: string, value: unknown, ...rest: unknown[]) {
      return Reflect.apply(decorate, this, [name, name === 'sessions' ? learning(value) : value, ...rest])
    },
    register(this: FastifyInstance, plugin: unknown, options: unknown, ...rest: unknown[]) {
      const given = typeof options === 'object' && options !== null ? options : {}
      for (const secret of [Reflect.get(given, 'secret')].flat()) {
        if (typeof secret === 'string' || secret instanceof Uint8Array) secrets.learnPhrase(secret)
      }
      return Reflect.apply(register as never, this, [plugin, options, ...rest])
    }
  }
  Object.assign(fastify, spied)
}

/** The same object, whose methods' tokens are learned. */
function learning(sessions: unknown): unknown {
  for (const [name, method] of Object.entries(sessions as Record<string, unknown>)) {
    if (typeof method !== 'function') continue
    Reflect.set(sessions as object, name, async (...args: unknown[]) => {
      const result: unknown = await Reflect.apply(method, sessions, args)
      secrets.learnTokens(JSON.stringify(result ?? null))
      return result
    })
  }
  return sessions
}

/** Not what Fastify says, as a trace alone, of bytes that are no HTTP: it writes all of them. */
function isFastifys(line: string): boolean {
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

process.on('exit', () => {
  const leaks = lines.flatMap((line) => {
    const secret = isFastifys(line) ? undefined : secrets.in(line)
    return secret === undefined ? [] : [line.replaceAll(secret, '[secret]').slice(0, 1000)]
  })
  if (process.env.WATCH_LOGS_COUNTS) {
    const file = basename(process.argv[1] ?? '')
    process.stderr.write(`${file}: ${lines.length} log lines, ${secrets.size} pieces of secrets\n`)
  }
  if (leaks.length === 0) return
  process.exitCode = 1
  process.stderr.write(`${leaks.length} log lines hold a secret:\n${leaks.slice(0, LISTED).join('\n')}\n`)
})

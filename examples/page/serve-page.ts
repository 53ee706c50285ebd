import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'
import tsBlankSpace from 'ts-blank-space'

/** What the pages share. */
const SHARED = new URL('./public/', import.meta.url)
const CLIENT = new URL('../../lib/client/', import.meta.url)

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'"
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache'
}

const shared = [...(await readFolder(SHARED)), ...(await readClient())]

/**
 * Serves the page in a folder, what all pages share, and the modules of the client. Their types are replaced by spaces, so
 * that no bundler is needed.
 */
export async function servePage(app: FastifyInstance, folder: URL): Promise<void> {
  for (const [path, body] of [...shared, ...(await readFolder(folder))]) {
    const headers = { ...HEADERS, 'content-type': TYPES[extname(path)] ?? 'text/html; charset=utf-8' }
    app.get(path, async (_request, reply) => reply.headers(headers).send(body))
  }
}

async function readFolder(folder: URL): Promise<[string, string][]> {
  const entries = await readdir(folder, { recursive: true })
  const names = entries.map((name) => name.replaceAll('\\', '/')).filter((name) => extname(name) in TYPES)
  const read = async (name: string): Promise<[string, string]> => {
    const path = name === 'index.html' ? '/' : `/${name}`
    return [path, await readFile(new URL(name, folder), 'utf8')]
  }
  return Promise.all(names.map(read))
}

async function readClient(): Promise<[string, string][]> {
  const entries = await readdir(CLIENT, { recursive: true })
  const names = entries.map((name) => name.replaceAll('\\', '/')).filter((name) => name.endsWith('.ts'))
  const read = async (name: string): Promise<[string, string]> => {
    const source = await readFile(new URL(name, CLIENT), 'utf8')
    return [`/client/${name.replace(/\.ts$/, '.js')}`, tsBlankSpace(source)]
  }
  return Promise.all(names.map(read))
}

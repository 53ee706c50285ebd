import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import type { RefreshEvent } from '../../../lib/index.js'
import { type AppUnderTest, buildApp, listen } from '../../support/build-app.js'
import { openMemoryStore, type StoreUnderTest } from '../../support/stores.js'
import { deferred } from '../../support/timers.js'

/** A request that the server received, and the response. */
export interface SeenRequest {
  method: string
  path: string
  status: number
  code: string | undefined
  /** `Sec-Fetch-Site`. */
  site: string | undefined
  hasCookie: boolean
}

export interface HeldRoute {
  /** The number of responses that wait. */
  waiting: number
  release(): void
}

export interface Site extends AppUnderTest {
  origin: string
  requests: SeenRequest[]
  refreshes: RefreshEvent[]
  /** Holds the responses of a route back after the server has processed the requests. */
  hold(path: string): HeldRoute
}

const client = await bundleClient()
const tabScript = await readFile(new URL('../pages/tab.js', import.meta.url), 'utf8')

/** Starts the plugin on a port, with a page that uses the real client. */
export async function openSite(t: Test, under: StoreUnderTest = openMemoryStore()): Promise<Site> {
  const requests: SeenRequest[] = []
  const refreshes: RefreshEvent[] = []
  const holds = new Map<string, { held: HeldRoute; released: Promise<void> }>()
  const built = await buildApp(t, {
    under,
    options: { onRefresh: (event) => refreshes.push(event) },
    prepare: (app) => {
      const codes = new WeakMap<FastifyRequest, string>()
      app.addHook('onSend', async (request, _reply, payload) => {
        const hold = holds.get(pathOf(request))
        if (hold) hold.held.waiting++
        await hold?.released
        const code = /"code":"(\w+)"/.exec(String(payload))?.[1]
        if (code !== undefined) codes.set(request, code)
      })
      app.addHook('onResponse', async (request, { statusCode: status }) => {
        const { method, headers } = request
        const hasCookie = Boolean(headers.cookie?.includes('__Host-refresh_token='))
        const site = headers['sec-fetch-site'] as string | undefined
        requests.push({ method, path: pathOf(request), status, code: codes.get(request), site, hasCookie })
      })
    },
    extend: servePage
  })
  const { port } = new URL(await listen(built.app))

  function hold(path: string): HeldRoute {
    const { promise, resolve } = deferred<void>()
    const held: HeldRoute = {
      waiting: 0,
      release() {
        holds.delete(path)
        resolve()
      }
    }
    holds.set(path, { held, released: promise })
    return held
  }
  return { ...built, origin: `http://localhost:${port}`, requests, refreshes, hold }
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? url
}

function servePage(app: FastifyInstance): void {
  const page =
    '<!doctype html><title>A page</title><link rel="icon" href="data:,"><script type="module" src="/tab.js"></script>'
  app.get('/', async (_request, reply) => reply.type('text/html').send(page))
  // A 401 whose body does not end.
  app.get('/endless', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(401, { 'content-type': 'application/json' }).write('{')
    app.addHook('preClose', async () => void reply.raw.destroy())
  })
  app.post('/echo', { preHandler: app.authenticate }, async ({ body }) => body)
  app.get('/tab.js', async (_request, reply) => reply.type('text/javascript').send(tabScript))
  app.get('/client.js', async (_request, reply) => reply.type('text/javascript').send(client))
}

/** Bundles the client as an application does. */
async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['lib/client/index.ts'],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false
  })
  return outputFiles[0]!.text
}

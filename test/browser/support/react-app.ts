import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { build, type InlineConfig } from 'vite'
import { blocksIn } from '../../docs/code-blocks/blocks.js'
import { writeFiles } from '../../docs/code-blocks/run.js'
import { listen } from '../../support/build-app.js'
import { buildNotesApp } from '../../support/notes-app.js'

const PAGE = `<!doctype html>
<title>Notes</title>
<link rel="icon" href="data:,">
<div id="root"></div>
<script type="module" src="/main.tsx"></script>
`

export interface ReactApp {
  origin: string
  app: FastifyInstance
  /** The code of the app, by file name. */
  sources: ReadonlyMap<string, string>
}

/** Builds the app of docs/guides/react.md with Vite, and serves it beside the plugin. */
export async function startReactApp(t: Test): Promise<ReactApp> {
  const blocks = await blocksIn('docs/guides/react.md')
  const folder = await writeFiles(t, blocks)
  await writeFile(join(folder, 'index.html'), PAGE)
  const { default: config } = await import(pathToFileURL(join(folder, 'vite.config.js')).href)
  const files = await buildPage({ ...config, root: folder })

  const app = await buildNotesApp(t)
  for (const [path, { type, body }] of files)
    app.get(path, async (_request, reply) => reply.type(type).send(body))
  await app.ready()
  const { port } = new URL(await listen(app))
  const sources = new Map(blocks.map(({ name, code }) => [name ?? '', code]))
  return { origin: `http://localhost:${port}`, app, sources }
}

async function buildPage(config: InlineConfig): Promise<Map<string, { type: string; body: string }>> {
  const result = await build({
    ...config,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { 'fastify-refresh-token/client': resolve('lib/client/index.ts') } },
    build: { write: false }
  })
  const files = new Map<string, { type: string; body: string }>()
  if (!('output' in result)) throw new Error('Vite did not build the page')
  for (const file of result.output) {
    const isPage = file.fileName === 'index.html'
    files.set(isPage ? '/' : `/${file.fileName}`, {
      type: isPage ? 'text/html' : 'text/javascript',
      body: file.type === 'chunk' ? file.code : String(file.source)
    })
  }
  return files
}

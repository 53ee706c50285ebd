import { join } from 'node:path'
import { build } from 'esbuild'
import { type DOMWindow, JSDOM } from 'jsdom'
import t, { type Test } from 'tap'
import { createInjectFetch } from '../support/inject-fetch.js'
import { buildNotesApp } from '../support/notes-app.js'
import { blocksIn } from './code-blocks/blocks.js'
import { writeFiles } from './code-blocks/run.js'

// The code of docs/guides/react.md in jsdom, in StrictMode, against the plugin.

const ORIGIN = 'https://app.example.com'
const blocks = await blocksIn('docs/guides/react.md')

const VARIANTS = [
  { name: 'React state', entry: 'main.tsx' },
  { name: 'TanStack Query', entry: 'query-main.tsx' }
]

async function bundle(t: Test, { entry }: (typeof VARIANTS)[number]): Promise<string> {
  const folder = await writeFiles(t, blocks)
  const { outputFiles } = await build({
    entryPoints: [join(folder, entry)],
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    jsxDev: true,
    // StrictMode runs effects twice only in development.
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: { 'fastify-refresh-token/client': './lib/client/index.ts' }
  })
  return outputFiles[0]?.text ?? ''
}

/** Loads the page in a browser window without tabs. */
function open(t: Test, code: string, fetch: typeof globalThis.fetch): DOMWindow {
  const { window } = new JSDOM('<div id="root"></div>', { url: ORIGIN, runScripts: 'outside-only' })
  t.after(async () => window.close())
  Object.assign(window, { fetch, Request, Response, Headers, AbortController, AbortSignal, queueMicrotask })
  window.eval(code)
  return window
}

/** Resolves when the page shows the text. */
async function shows({ document, MutationObserver }: DOMWindow, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const observer = new MutationObserver(check)
    observer.observe(document.body, { childList: true, subtree: true, characterData: true })
    check()
    function check() {
      if (!document.body.textContent?.includes(text)) return
      observer.disconnect()
      resolve()
    }
  })
}

function click({ document }: DOMWindow, text: string): void {
  for (const button of document.querySelectorAll('button')) if (button.textContent === text) button.click()
}

function logIn(window: DOMWindow, password: string): void {
  for (const [name, value] of Object.entries({ username: 'ada', password })) {
    const input = window.document.querySelector<HTMLInputElement>(`[name=${name}]`)
    if (input) input.value = value
  }
  click(window, 'Log in')
}

for (const variant of VARIANTS) {
  t.test(variant.name, async (t) => {
    const code = await bundle(t, variant)
    const { fetch, calls } = createInjectFetch(await buildNotesApp(t))
    let isDown = false
    const page = () =>
      open(t, code, (input, init) => (isDown ? Promise.reject(new TypeError('offline')) : fetch(input, init)))

    const window = page()
    await shows(window, 'Password')
    t.equal(calls.filter((call) => call === 'POST /auth/refresh').length, 1, 'one refresh in StrictMode')

    logIn(window, 'wrong')
    await shows(window, 'The name or the password is wrong.')
    isDown = true
    logIn(window, 'right')
    await shows(window, 'The server is not reachable. Try again later.')
    isDown = false
    logIn(window, 'right')
    await shows(window, 'Hello ada')
    await shows(window, 'A note of ada')

    isDown = true
    const offline = page()
    await shows(offline, 'The server is not reachable. Try again')
    isDown = false
    click(offline, 'The server is not reachable. Try again')
    await shows(offline, 'Hello ada')

    const reloaded = page()
    await shows(reloaded, 'Hello ada')
    click(reloaded, 'Log out')
    await shows(reloaded, 'Password')
    await shows(page(), 'Password')
  })
}

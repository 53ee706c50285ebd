import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { withTimeout } from './with-timeout.js'

const script = await readFile(new URL('../pages/attack.js', import.meta.url), 'utf8')
const page =
  '<!doctype html><title>Win a prize</title><link rel="icon" href="data:,"><body><script src="/attack.js"></script>'

/** Starts a server of an attacker and returns its port. It is same-site on `localhost` and cross-site on `127.0.0.1`. */
export async function startAttacker(t: Test): Promise<number> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/attack.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const FIELDS = { sub: 'mallory' }
/** A form field that is valid JSON with the encoding `text/plain`. */
const JSON_FIELDS = { '{"sub":"mallory","claims":{"x":"': '"}}' }
const JSON_BODY = JSON.stringify(FIELDS)
const FORM = 'application/x-www-form-urlencoded'

/** The attacks by name. */
export const ATTACKS: Readonly<Record<string, (page: Page, url: string) => Promise<unknown>>> = {
  'fetch, cors, JSON': (page, url) => fetchFrom(page, url, 'cors', 'application/json', JSON_BODY),
  'fetch, cors, form': (page, url) => fetchFrom(page, url, 'cors', FORM, 'sub=mallory'),
  'fetch, cors, text': (page, url) => fetchFrom(page, url, 'cors', 'text/plain', JSON_BODY),
  'fetch, cors, no body': (page, url) => fetchFrom(page, url, 'cors'),
  'fetch, no-cors, form': (page, url) => fetchFrom(page, url, 'no-cors', FORM, 'sub=mallory'),
  'fetch, no-cors, text': (page, url) => fetchFrom(page, url, 'no-cors', 'text/plain', JSON_BODY),
  'fetch, no-cors, no body': (page, url) => fetchFrom(page, url, 'no-cors'),
  beacon: (page, url) => run(page, 'beacon', url, { body: JSON_BODY }),
  'form in a frame': (page, url) => run(page, 'form', url, { enctype: FORM, fields: FIELDS }),
  'form in a frame, multipart': (page, url) =>
    run(page, 'form', url, { enctype: 'multipart/form-data', fields: FIELDS }),
  'form in a frame, text': (page, url) =>
    run(page, 'form', url, { enctype: 'text/plain', fields: JSON_FIELDS }),
  frame: (page, url) => run(page, 'frame', url),
  image: (page, url) => run(page, 'image', url),
  'form, navigation': (page, url) => navigate(page, 'submit', url, { enctype: FORM, fields: FIELDS }),
  'form, navigation, text': (page, url) =>
    navigate(page, 'submit', url, { enctype: 'text/plain', fields: JSON_FIELDS }),
  navigation: (page, url) => page.goto(url, { referer: page.url() })
}

/** Runs an attack from a page of the given origin. */
export async function attack(page: Page, origin: string, name: string, url: string): Promise<void> {
  await page.goto(origin)
  await ATTACKS[name]!(page, url)
}

function fetchFrom(page: Page, url: string, mode: string, type?: string, body?: string): Promise<unknown> {
  return run(page, 'fetch', url, { mode, type, body })
}

function run(page: Page, name: string, url: string, options: object = {}): Promise<unknown> {
  const call = `attack.${name}(${JSON.stringify(url)}, ${JSON.stringify(options)})`
  return withTimeout(page.evaluate(call), call)
}

async function navigate(page: Page, name: string, url: string, options: object): Promise<void> {
  await Promise.all([page.waitForURL(url), run(page, name, url, options)])
}

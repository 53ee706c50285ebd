import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { inTime } from './in-time.js'

const script = await readFile(new URL('../pages/attack.js', import.meta.url), 'utf8')
const page =
  '<!doctype html><title>Win a prize</title><link rel="icon" href="data:,"><body><script src="/attack.js"></script>'

/** The server of somebody else. Gives its port: to a page on `localhost` it is the same site, on `127.0.0.1` another. */
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
/** JSON, as a form without an encoding can spell it. */
const JSON_FIELDS = { '{"sub":"mallory","claims":{"x":"': '"}}' }
const JSON_BODY = JSON.stringify(FIELDS)
const FORM = 'application/x-www-form-urlencoded'

/** What it tries, by name. */
export const ATTACKS: Readonly<Record<string, (page: Page, url: string) => Promise<unknown>>> = {
  'fetch, cors, JSON': (page, url) => fetchIt(page, url, 'cors', 'application/json', JSON_BODY),
  'fetch, cors, form': (page, url) => fetchIt(page, url, 'cors', FORM, 'sub=mallory'),
  'fetch, cors, text': (page, url) => fetchIt(page, url, 'cors', 'text/plain', JSON_BODY),
  'fetch, cors, no body': (page, url) => fetchIt(page, url, 'cors'),
  'fetch, no-cors, form': (page, url) => fetchIt(page, url, 'no-cors', FORM, 'sub=mallory'),
  'fetch, no-cors, text': (page, url) => fetchIt(page, url, 'no-cors', 'text/plain', JSON_BODY),
  'fetch, no-cors, no body': (page, url) => fetchIt(page, url, 'no-cors'),
  beacon: (page, url) => ask(page, 'beacon', url, { body: JSON_BODY }),
  'form in a frame': (page, url) => ask(page, 'form', url, { enctype: FORM, fields: FIELDS }),
  'form in a frame, multipart': (page, url) =>
    ask(page, 'form', url, { enctype: 'multipart/form-data', fields: FIELDS }),
  'form in a frame, text': (page, url) =>
    ask(page, 'form', url, { enctype: 'text/plain', fields: JSON_FIELDS }),
  frame: (page, url) => ask(page, 'frame', url),
  image: (page, url) => ask(page, 'image', url),
  'form, navigation': (page, url) => navigate(page, 'submit', url, { enctype: FORM, fields: FIELDS }),
  'form, navigation, text': (page, url) =>
    navigate(page, 'submit', url, { enctype: 'text/plain', fields: JSON_FIELDS }),
  navigation: (page, url) => page.goto(url, { referer: page.url() })
}

/** From a page of that origin. */
export async function attack(page: Page, origin: string, way: string, url: string): Promise<void> {
  await page.goto(origin)
  await ATTACKS[way]!(page, url)
}

function fetchIt(page: Page, url: string, mode: string, type?: string, body?: string): Promise<unknown> {
  return ask(page, 'fetch', url, { mode, type, body })
}

function ask(page: Page, way: string, url: string, how: object = {}): Promise<unknown> {
  const call = `attack.${way}(${JSON.stringify(url)}, ${JSON.stringify(how)})`
  return inTime(page.evaluate(call), call)
}

async function navigate(page: Page, way: string, url: string, how: object): Promise<void> {
  await Promise.all([page.waitForURL(url), ask(page, way, url, how)])
}

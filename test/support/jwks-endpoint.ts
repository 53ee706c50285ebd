import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Endpoint {
  uri: string
  /** The number of requests. */
  asked: number
  /** Handles each request. */
  answer: RequestListener
}

/** Starts a JWKS endpoint on loopback. The test defines its responses. */
export async function startEndpoint(
  t: Test,
  answer: RequestListener = (_, response) => response.end()
): Promise<Endpoint> {
  const endpoint: Endpoint = { uri: '', asked: 0, answer }
  const server = createServer((request, response) => {
    endpoint.asked++
    endpoint.answer(request, response)
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  endpoint.uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  return endpoint
}

export function json(body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}

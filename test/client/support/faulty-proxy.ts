import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** The fault of a response: the connection breaks, or the response waits for a promise. */
export type Fault = 'lost' | Promise<void>

export interface FaultyProxy {
  origin: string
  /** Sets the faults of the next responses of a path. The server processes the requests. */
  fault(path: string, ...faults: Fault[]): void
  /** Returns the number of requests of a path. */
  count(path: string): number
}

/** Starts an HTTP proxy on a free loopback port that loses or delays the responses that a test chooses. */
export async function startFaultyProxy(t: Test, origin: string): Promise<FaultyProxy> {
  const faults = new Map<string, Fault[]>()
  const paths: string[] = []

  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/'
    paths.push(path)
    const fault = faults.get(path)?.shift()
    const upstream = request(origin + path, {
      method: incoming.method,
      headers: incoming.headers,
      agent: false
    })
    incoming.pipe(upstream)
    const [response] = (await once(upstream, 'response')) as [IncomingMessage]
    const chunks = await response.toArray()
    if (fault === 'lost') return void outgoing.destroy()
    await fault
    outgoing.writeHead(response.statusCode ?? 500, response.headers)
    outgoing.end(Buffer.concat(chunks))
  }

  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: (path, ...next) => faults.set(path, [...(faults.get(path) ?? []), ...next]),
    count: (path) => paths.filter((other) => other === path).length
  }
}

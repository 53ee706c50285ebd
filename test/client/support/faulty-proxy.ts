import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What happens to an answer: it is lost, or waits until that is settled. */
export type Fault = 'lost' | Promise<void>

export interface FaultyProxy {
  origin: string
  /** The answers of the next requests of that path, which the server does hear. */
  fault(path: string, ...faults: Fault[]): void
  /** How many requests of that path came. */
  count(path: string): number
}

/** An HTTP proxy on a free loopback port, which loses or holds back the answers that a test names. */
export async function startFaultyProxy(t: Test, origin: string): Promise<FaultyProxy> {
  const faults = new Map<string, Fault[]>()
  const paths: string[] = []

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/'
    paths.push(path)
    const fault = faults.get(path)?.shift()
    const upstream = request(origin + path, {
      method: incoming.method,
      headers: incoming.headers,
      agent: false
    })
    incoming.pipe(upstream)
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    const chunks = await answer.toArray()
    if (fault === 'lost') return void outgoing.destroy()
    await fault
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    outgoing.end(Buffer.concat(chunks))
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => outgoing.destroy())
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

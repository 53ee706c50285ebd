import { Agent, type IncomingHttpHeaders, request } from 'node:http'

export interface JsonReply<Body> {
  /** 0 if the network failed. The code of the body is then that of the error. */
  status: number
  headers: IncomingHttpHeaders
  body: Body
}

export interface JsonRequest {
  agent: Agent
  headers: Record<string, string>
  /** Makes it a POST. */
  body?: object | undefined
  timeoutMs: number
}

/**
 * Creates an agent that uses its connections in turn. A connection that is idle for 72 s is closed by the server, perhaps at the
 * moment of the next request.
 */
export function createAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1000, scheduling: 'fifo' })
}

/** Sends a request over a socket, and parses the response as JSON. Never rejects. */
export async function sendJson<Body extends { code?: string }>(
  url: string,
  options: JsonRequest
): Promise<JsonReply<Body>> {
  try {
    return await send(url, options)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { status: 0, headers: {}, body: { code: code ?? message } as Body }
  }
}

function send<Body>(url: string, { agent, headers, body, timeoutMs }: JsonRequest): Promise<JsonReply<Body>> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      agent,
      method: body ? 'POST' : 'GET',
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      timeout: timeoutMs
    })
    sent.on('error', reject)
    sent.on('timeout', () => sent.destroy(new Error('no response')))
    sent.on('response', async (response) => {
      try {
        const text = (await response.toArray()).join('')
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, body: text && JSON.parse(text) })
      } catch (error) {
        reject(error)
      }
    })
    sent.end(body && JSON.stringify(body))
  })
}

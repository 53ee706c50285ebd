import { connect } from 'node:net'

/**
 * One HTTP/1.1 keep-alive connection with one request at a time.
 *
 * It parses only what the implementations send (head, content-length, body). It is fast, so that the server limits the
 * rate.
 */
export class Connection {
  #socket
  #received = ''
  #onResponse
  #onError

  /** @param onError called once if the connection fails */
  constructor(port, onError) {
    this.#onError = onError
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  /** @param onResponse called with status, head and body */
  send(request, onResponse) {
    this.#onResponse = onResponse
    this.#socket.write(request, 'latin1')
  }

  /** Sends a request. Returns a promise of status, head and body. */
  request(request) {
    return new Promise((resolve, reject) => {
      this.#onError = reject
      this.send(request, (status, head, body) => resolve({ status, head, body }))
    })
  }

  close() {
    this.#onError = undefined
    this.#socket.destroy()
  }

  #receive(chunk) {
    this.#received = this.#received === '' ? chunk : this.#received + chunk
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const head = this.#received.slice(0, headEnd)
    const end = headEnd + 4 + Number(headerOf(head, 'content-length'))
    if (this.#received.length < end) return
    const body = this.#received.slice(headEnd + 4, end)
    this.#received = ''
    this.#onResponse(Number(head.slice(9, 12)), head, body)
  }

  #fail(error) {
    this.#onError?.(error)
    this.#onError = undefined
  }
}

/** Returns the value of a header. Node.js and Fastify write the names in lower case. */
export function headerOf(head, name) {
  const start = head.indexOf(`\r\n${name}: `)
  if (start === -1) return undefined
  const valueAt = start + name.length + 4
  const end = head.indexOf('\r\n', valueAt)
  return head.slice(valueAt, end === -1 ? undefined : end)
}

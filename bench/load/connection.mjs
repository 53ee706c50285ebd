import { connect } from 'node:net'

/**
 * One keep-alive connection of HTTP/1.1, one request at a time. It knows just what the contestants
 * answer (a head, a content-length, a body) and is fast, so that the server is what is measured.
 */
export class Connection {
  #socket
  #received = ''
  #onAnswer
  #onError

  /** @param onError is told once why no answer will come */
  constructor(port, onError) {
    this.#onError = onError
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  /** @param onAnswer is called with status, head and body */
  send(request, onAnswer) {
    this.#onAnswer = onAnswer
    this.#socket.write(request, 'latin1')
  }

  /** The same, as a promise. */
  ask(request) {
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
    this.#onAnswer(Number(head.slice(9, 12)), head, body)
  }

  #fail(error) {
    this.#onError?.(error)
    this.#onError = undefined
  }
}

/** The value of a header, as Node and Fastify write them: in lower case. */
export function headerOf(head, name) {
  const start = head.indexOf(`\r\n${name}: `)
  if (start === -1) return undefined
  const valueAt = start + name.length + 4
  const end = head.indexOf('\r\n', valueAt)
  return head.slice(valueAt, end === -1 ? undefined : end)
}

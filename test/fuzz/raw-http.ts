import { connect } from 'node:net'

export const CRLF = '\r\n'

const DEADLINE_MS = 15_000

/** Writes pieces of bytes to a connection, ends it, and returns all bytes that the server sends. */
export function send(port: number, pieces: Buffer[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error('the connection was not closed'))
    }, DEADLINE_MS)
    let received = ''
    socket.setEncoding('latin1')
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      received += chunk
    })
    // The server may close the connection before it has read everything.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(received)
    })
    for (const piece of pieces) socket.write(piece)
    socket.end()
  })
}

/** Splits the received bytes into responses. */
export function responsesIn(text: string): { status: number; head: string; body: string }[] {
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter(Boolean)
    .map((response) => {
      const [head = '', body = ''] = response.split(`${CRLF}${CRLF}`)
      return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, body }
    })
}

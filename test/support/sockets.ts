import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

const sockets = new Set<Socket>()

subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket }
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
})

/** Counts the connections that this process has opened and not closed, those included that do not keep it alive. */
export function countOpenSockets(): number {
  return sockets.size
}

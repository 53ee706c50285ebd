// Loaded before a program of the documentation. Makes it listen on a free port, and sends the port to the parent process.
import { Server } from 'node:net'

const { listen } = Server.prototype

Server.prototype.listen = function (options, ...rest) {
  const target =
    typeof options === 'object' && options?.port !== undefined ? { ...options, port: 0 } : options
  this.once('listening', () => process.send?.({ port: this.address().port }))
  return Reflect.apply(listen, this, [target, ...rest])
}

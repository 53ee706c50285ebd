// Loaded before a program of the documentation: it listens on a free port, and tells its parent which.
import { Server } from 'node:net'

const { listen } = Server.prototype

Server.prototype.listen = function (options, ...rest) {
  const given = typeof options === 'object' && options?.port !== undefined ? { ...options, port: 0 } : options
  this.once('listening', () => process.send?.({ port: this.address().port }))
  return Reflect.apply(listen, this, [given, ...rest])
}

/** Names and addresses of this machine, as `URL` writes them, with or without a port. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

export function isLoopback({ host }: URL): boolean {
  return LOOPBACK.test(host)
}

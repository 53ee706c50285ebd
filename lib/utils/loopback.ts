/** Host names and addresses of the loopback interface as `URL` formats them, with or without a port. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

export function isLoopback({ host }: URL): boolean {
  return LOOPBACK.test(host)
}

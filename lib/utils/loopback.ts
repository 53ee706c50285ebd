/** Host names and addresses of the loopback interface as `URL` formats them, with or without a port. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

/** Returns whether a URL uses HTTPS, or HTTP on the loopback interface, where no attacker can change a response. */
export function isSecure(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

export function isLoopback({ host }: URL): boolean {
  return LOOPBACK.test(host)
}

/** The part of an ioredis `Redis` or `Cluster` that the store uses. */
export interface RedisClient {
  evalsha(sha1: string, numkeys: number, ...args: string[]): Promise<unknown>
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  /** Required, and returns bytes like `evalBuffer`. Optional here, because the types of ioredis do not have both. */
  evalshaBuffer?(sha1: string, numkeys: number, ...args: string[]): Promise<unknown>
  evalBuffer?(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  /** Creates the dedicated connections of the feed, of the watch of the master and of replication checks. */
  duplicate(...args: never[]): unknown
  isCluster?: boolean
  /** The socket. Commands of one turn of the event loop are then sent together. */
  stream?: { cork(): void; uncork(): void }
  options?: object
  /** `ready` if the client has a connection that works. Without it, pulses are sent at any time. */
  status?: string
  /** Emits `close` and `ready` when the connection changes. Without it, a change is noticed later. */
  on?(event: 'close' | 'ready', listener: () => void): unknown
  /** With `true`, connects again. Called if the client stays on a master that was replaced. */
  disconnect?(reconnect: boolean): void
}

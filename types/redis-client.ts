/** The part of an ioredis `Redis` or `Cluster` that the store uses. */
export interface RedisClient {
  evalsha(sha1: string, numkeys: number, ...args: string[]): Promise<unknown>
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  /** For a connection of the feed's own. */
  duplicate(...args: never[]): unknown
  isCluster?: boolean
  options?: object
}

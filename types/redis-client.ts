/** The part of an ioredis `Redis` or `Cluster` that the store uses. */
export interface RedisClient {
  evalsha(sha1: string, numkeys: number, ...args: string[]): Promise<unknown>
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  /** Creates the dedicated connections of the feed and of replication checks. */
  duplicate(...args: never[]): unknown
  isCluster?: boolean
  options?: object
}

const BUCKET_US = 60_000_000

/**
 * A map whose values have an expiry time. Keys are scheduled in a bucket of one minute, so that a sweep visits only
 * keys that are due. If a value expires later than scheduled, the sweep schedules its key again.
 */
export class ExpiringMap<V extends { expiresUs: number }> {
  readonly #values = new Map<string, V>()
  readonly #buckets = new Map<number, Set<string>>()
  #nextMinute: number

  constructor(nowUs: number) {
    this.#nextMinute = minuteOf(nowUs)
  }

  get(key: string, nowUs: number): V | undefined {
    const value = this.#values.get(key)
    return value && value.expiresUs > nowUs ? value : undefined
  }

  set(key: string, value: V): void {
    this.#values.set(key, value)
    this.#schedule(key, value)
  }

  delete(key: string): void {
    this.#values.delete(key)
  }

  /** The number of values, including expired values that were not swept yet. */
  get size(): number {
    return this.#values.size
  }

  /** Deletes the expired values of past minutes, and calls `onExpire` for each. */
  sweep(nowUs: number, onExpire: (value: V) => void = () => {}): void {
    const currentMinute = minuteOf(nowUs)
    while (this.#nextMinute < currentMinute && this.#buckets.size > 0) {
      const due = this.#buckets.get(this.#nextMinute) ?? []
      this.#buckets.delete(this.#nextMinute++)
      for (const key of due) {
        const value = this.#values.get(key)
        if (!value) continue
        if (value.expiresUs > nowUs) {
          this.#schedule(key, value)
        } else {
          this.#values.delete(key)
          onExpire(value)
        }
      }
    }
    // Skips empty minutes. A clock can jump by decades, for example on a device that gets the time late.
    this.#nextMinute = currentMinute
  }

  /** Uses the next minute to be swept if the minute of the expiry was swept already. */
  #schedule(key: string, { expiresUs }: V): void {
    const minute = Math.max(minuteOf(expiresUs), this.#nextMinute)
    const bucket = this.#buckets.get(minute)
    if (bucket) bucket.add(key)
    else this.#buckets.set(minute, new Set([key]))
  }
}

function minuteOf(timeUs: number): number {
  return Math.floor(timeUs / BUCKET_US)
}

const BUCKET_US = 60_000_000

/**
 * A map whose values know when they expire. Keys are filed by the minute in which they are due, so that
 * a sweep costs what is due and not what is alive; one whose value got more time is then filed anew.
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

  /** How many it holds, those included that expired within the last minute. */
  get size(): number {
    return this.#values.size
  }

  /** Drops what has expired, and tells of each. */
  sweep(nowUs: number, dropped: (value: V) => void = () => {}): void {
    const end = minuteOf(nowUs)
    while (this.#nextMinute < end && this.#buckets.size > 0) {
      const due = this.#buckets.get(this.#nextMinute) ?? []
      this.#buckets.delete(this.#nextMinute++)
      for (const key of due) {
        const value = this.#values.get(key)
        if (!value) continue
        if (value.expiresUs > nowUs) {
          this.#schedule(key, value)
        } else {
          this.#values.delete(key)
          dropped(value)
        }
      }
    }
    // A clock may leap by decades, ahead or back, as that of a device does which learns the time late.
    this.#nextMinute = end
  }

  /** A minute that was swept already does not come again: the next one will do. */
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

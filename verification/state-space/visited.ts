const START = 1 << 16

/**
 * A set of strings that stores 63 bits of a hash of each string.
 *
 * Two strings with the same hash are treated as one. For n strings the probability is about n² / 2⁶⁴, which is five in a
 * million for ten million strings.
 */
export class VisitedSet {
  #high = new Uint32Array(START)
  #low = new Uint32Array(START)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @returns whether the string was added, because it was not in the set */
  add(text: string): boolean {
    const [high, low] = hash(text)
    if (!this.#put(high, low)) return false
    this.#size++
    if (2 * this.#size > this.#high.length) this.#grow()
    return true
  }

  #put(high: number, low: number): boolean {
    const last = this.#high.length - 1
    for (let at = high & last; ; at = (at + 1) & last) {
      if (this.#high[at] === 0 && this.#low[at] === 0) {
        this.#high[at] = high
        this.#low[at] = low
        return true
      }
      if (this.#high[at] === high && this.#low[at] === low) return false
    }
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low]
    this.#high = new Uint32Array(2 * high.length)
    this.#low = new Uint32Array(2 * low.length)
    high.forEach((bits, i) => {
      if (bits !== 0 || low[i] !== 0) this.#put(bits, low[i] as number)
    })
  }
}

/** Returns two mixed sums (after the finalizer of MurmurHash3). They are never both zero, which marks an empty slot. */
function hash(text: string): [number, number] {
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x9e3779b1)
    b = Math.imul(b ^ unit, 0x5f356495)
    a ^= a >>> 15
    b ^= b >>> 13
  }
  a = Math.imul(a ^ (b >>> 16), 0x85ebca6b)
  b = Math.imul(b ^ (a >>> 13), 0xc2b2ae35)
  a ^= b >>> 16
  b ^= a >>> 15
  return [a >>> 0, (b | 1) >>> 0]
}

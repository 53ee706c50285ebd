/** A seeded random number generator (mulberry32 over a mixed seed). The same seed gives the same simulation. */
export class Random {
  #state: number

  constructor(...seeds: (number | string)[]) {
    this.#state = seeds.reduce<number>((state, seed) => mix(state, seed), 0x9e3779b9)
  }

  /** Returns a number of at least 0 and less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }

  of<T>(values: readonly [T, ...T[]]): T {
    return values[Math.floor(this.next() * values.length)] ?? values[0]
  }
}

/**
 * Returns the text that seeds the random numbers of a condition, an attacker or a rule.
 *
 * The published figures were computed with these texts. A new text gives other figures. A name can change freely if the
 * old name is kept as `seedName`.
 */
export function seedNameOf({ name, seedName = name }: { name: string; seedName?: string }): string {
  return seedName
}

/** Mixes a seed into the state. Each character changes all bits, so that similar seeds give different numbers. */
function mix(state: number, seed: number | string): number {
  let mixed = state
  for (const char of `${seed}/`) {
    mixed = Math.imul(mixed ^ char.charCodeAt(0), 0x85ebca6b)
    mixed ^= mixed >>> 13
    mixed = Math.imul(mixed, 0xc2b2ae35)
    mixed ^= mixed >>> 16
  }
  return mixed
}

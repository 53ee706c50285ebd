/** Remembers the proofs that were used in this process, so that none is accepted twice (RFC 9449, section 11.1). */
export interface UsedProofs {
  /** Returns whether a proof is used for the first time, and remembers it. */
  add(id: string): boolean
}

/**
 * Creates a memory of two sets. The older one is dropped when the newer one is full or old. Each proof is remembered for at
 * least `periodMs`, unless the memory is full. Then the older proofs are forgotten, so that no client is locked out.
 *
 * @param max the number of proofs. `0` remembers none
 */
export function createUsedProofs(max: number, periodMs: number): UsedProofs {
  let newer = new Set<string>()
  let older = new Set<string>()
  let startedMs = performance.now()

  function dropOld(): void {
    const ageMs = performance.now() - startedMs
    if (ageMs < periodMs && newer.size < max / 2) return
    older = ageMs < 2 * periodMs ? newer : new Set()
    newer = new Set()
    startedMs += ageMs
  }

  return {
    add(id) {
      if (max === 0) return true
      dropOld()
      if (newer.has(id) || older.has(id)) return false
      newer.add(id)
      return true
    }
  }
}

/** A measurement at a time in seconds since the start. */
export interface Sample {
  at: number
  bytes: number
}

export interface Growth {
  /** The growth of the trend from the first to the last sample, in bytes. */
  grown: number
  /** The allowed growth in bytes. */
  allowed: number
  isFlat: boolean
}

/**
 * Checks whether memory grows. The trend is the median of the slopes between all pairs of samples (Theil and Sen). It
 * tolerates outliers in up to 29 % of the samples, such as a late garbage collection. The allowed growth is 5 % of the
 * median, and at least `leastAllowed`. A leak of a few bytes per operation exceeds it in a long run.
 */
export function growthOf(samples: readonly Sample[], leastAllowed: number): Growth {
  const slopes = samples.flatMap((a, i) =>
    samples.slice(i + 1).map((b) => (b.bytes - a.bytes) / (b.at - a.at))
  )
  const [first, last] = [samples.at(0), samples.at(-1)]
  if (!first || !last || slopes.length === 0) throw new Error('a trend needs two samples')
  const grown = median(slopes) * (last.at - first.at)
  const allowed = Math.max(leastAllowed, median(samples.map(({ bytes }) => bytes)) / 20)
  return { grown, allowed, isFlat: grown <= allowed }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2
}

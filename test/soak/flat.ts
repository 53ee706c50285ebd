/** A measurement: seconds since the start, and bytes. */
export interface Sample {
  at: number
  bytes: number
}

export interface Growth {
  /** Bytes that the trend adds from the first sample to the last. */
  grown: number
  /** How many it may add. */
  allowed: number
  isFlat: boolean
}

/**
 * Whether a memory stays as large as it is. The trend is the median of the slopes between all pairs of
 * samples (Theil and Sen): a collection that came late, or a buffer that happened to be full, bends a
 * regression by least squares, and leaves this as it is while less than 29 % of the samples are off. It may
 * add a twentieth of what there is, and no less than `leastAllowed`, over the whole time: what leaks a few bytes
 * with each of hundreds of thousands of operations adds more.
 */
export function growthOf(samples: readonly Sample[], leastAllowed: number): Growth {
  const slopes = samples.flatMap((a, i) =>
    samples.slice(i + 1).map((b) => (b.bytes - a.bytes) / (b.at - a.at))
  )
  const [first, last] = [samples.at(0), samples.at(-1)]
  if (!first || !last || slopes.length === 0) throw new Error('a trend takes two samples')
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

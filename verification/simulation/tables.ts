/** Formats a Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Returns the value at this share of the sorted values, for example the median at 0.5. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Formats a duration. */
export function duration(ms: number): string {
  if (ms < 1000) return 'at once'
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`
  const inMinutes = ms / 60_000
  return `${inMinutes < 100 ? inMinutes.toFixed(1) : Math.round(inMinutes)} min`
}

/** Short lifetimes, so that a scenario takes only seconds. */
export const settings = {
  accessTtlSeconds: 30,
  graceMs: 1000
} as const

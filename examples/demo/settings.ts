/** Short, so that one sees it happen. */
export const settings = {
  accessTtlSeconds: 30,
  graceMs: 1000
} as const

/**
 * Chooses how much a random or exhaustive test does. A run of one file, and the matrix, do little. `npm run test:thorough`
 * sets `TEST_EFFORT=thorough`.
 */
export function effort<T>(quick: T, thorough: T): T {
  return process.env.TEST_EFFORT === 'thorough' ? thorough : quick
}

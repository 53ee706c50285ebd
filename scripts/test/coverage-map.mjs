// Selects the processes of tap that measure coverage. The tests of the pages, the examples and the verification do not need to,
// because the tests of lib/ cover all of it alone.
const MEASURED = /^(\.tap\/groups\/|test\/)(unit|http|client|redis)\b/

/** @returns {[] | null} all files that the process loads, or none */
export default function coverageMap(file) {
  return MEASURED.test(file) ? [] : null
}

// Says which processes of tap measure coverage. Measuring makes a process a third slower, and the tests of the pages, the
// examples and the verification cover nothing that the tests of lib/ do not cover.
const MEASURED = /^(\.tap\/groups\/|test\/)(unit|http|client|redis)\b/

/** @returns {[] | null} all files that the process loads, or none */
export default function coverageMap(file) {
  return MEASURED.test(file) ? [] : null
}

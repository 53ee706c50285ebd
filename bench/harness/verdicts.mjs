import { cpuRatioOf, ratioOf } from './rounds.mjs'
import { printTable } from './table.mjs'

/** Collects what was to be reached, and what was. */
export function createVerdicts() {
  const rows = []
  const add = (what, sign, target, value, isReached, byCpu) => {
    const reached = value === undefined ? 'not available' : isReached ? 'reached' : 'missed'
    rows.push([what, `${sign} ${target}`, value?.toFixed(2), byCpu?.toFixed(2), reached])
  }
  return {
    atMost(what, value, target) {
      add(what, '≤', target, value, value <= target)
    },
    ratios({ title, targets }, runs) {
      for (const { contestant, of, atLeast } of targets) {
        const ratio = ratioOf(runs, contestant, of)
        const byCpu = cpuRatioOf(runs, contestant, of)
        add(`${title}: ${contestant} of ${of}`, '≥', atLeast, ratio, ratio >= atLeast, byCpu)
      }
    },
    print() {
      printTable('Targets', ['what', 'target', 'measured', 'by CPU time', ''], rows)
    }
  }
}

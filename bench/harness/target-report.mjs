import { cpuRatioOf, ratioOf } from './rounds.mjs'
import { printTable } from './table.mjs'

/** Collects the targets and the measured values. */
export function createTargetReport() {
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
      for (const { implementation, of, atLeast } of targets) {
        const ratio = ratioOf(runs, implementation, of)
        const byCpu = cpuRatioOf(runs, implementation, of)
        add(`${title}: ${implementation} of ${of}`, '≥', atLeast, ratio, ratio >= atLeast, byCpu)
      }
    },
    print() {
      printTable('Targets', ['work', 'target', 'measured', 'by CPU time', 'result'], rows)
    }
  }
}

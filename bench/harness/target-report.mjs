import { cpuRatioOf, ratioOf } from './rounds.mjs'
import { printTable } from './table.mjs'

/** Collects the targets and the measured values. Targets for ratios are by CPU time, which other programs disturb less. */
export function createTargetReport() {
  const rows = []
  const add = (what, sign, target, value, isReached, byRate) => {
    const reached = value === undefined ? 'not available' : isReached ? 'reached' : 'missed'
    rows.push([what, `${sign} ${target}`, value?.toFixed(2), byRate?.toFixed(2), reached])
  }
  return {
    atMost(what, value, target) {
      add(what, '≤', target, value, value <= target)
    },
    ratios({ title, targets }, runs) {
      for (const { implementation, of, atLeast } of targets) {
        const byRate = ratioOf(runs, implementation, of)
        const byCpu = cpuRatioOf(runs, implementation, of)
        add(`${title}: ${implementation} of ${of}`, '≥', atLeast, byCpu, byCpu >= atLeast, byRate)
      }
    },
    print() {
      printTable('Targets', ['work', 'target', 'measured', 'by rate', 'result'], rows)
    }
  }
}

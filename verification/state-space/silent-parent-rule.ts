import { isSilentParent } from '../silent-parent.js'
import { type Rule, realRule } from './rule.js'

/** Returns the rule of the plugin with one more replay: of the parent token of a client that has been silent. */
export function silentParentRule(silenceUs: number): Rule {
  return {
    ...realRule,
    evaluate(rotation, presented, nowUs) {
      const row = realRule.evaluate(rotation, presented, nowUs)
      return row === 8 && isSilentParent(rotation, presented, nowUs, silenceUs) ? 7 : row
    }
  }
}

import * as rotationRule from '../../lib/store/rotation-rule.js'

/** The functions of the rotation rule: those of the plugin, or of a rule that was broken on purpose. */
export type Rule = Pick<typeof rotationRule, 'evaluate' | 'conflictUs' | 'rotate' | 'reissue' | 'confirm'>

export const realRule: Rule = rotationRule

import * as rotationRule from '../../lib/store/rotation-rule.js'

/** The rule of rotation: the real one, or one that was broken on purpose. */
export type Rule = Pick<typeof rotationRule, 'evaluate' | 'rotate' | 'reissue' | 'confirm'>

export const realRule: Rule = rotationRule

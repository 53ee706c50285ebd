import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * The clock that the sessions of a user go by.
 *
 * KEYS: 1 his sessions, which lead to his node of a Cluster. Answers milliseconds since the epoch.
 */
export const nowScript = defineScript(1, `${sessionFunctions}return text(to_ms(clock()))`)

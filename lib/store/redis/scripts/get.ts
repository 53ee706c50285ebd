import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Reads a session.
 *
 * KEYS: 1 the session. ARGV: 1 sid. Answers the session, or nothing.
 */
export const getScript = defineScript(
  1,
  `${sessionFunctions}
local s = load_session(KEYS[1])
return s and view(ARGV[1], s, clock())
`
)

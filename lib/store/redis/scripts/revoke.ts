import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Ends a session. Its place in the user's index is left to whoever reads or extends that next.
 *
 * KEYS: 1 the session, 2 its entry in the blacklist, 3 the answer to this operation.
 * ARGV: 1 sid, 2 reason.
 * Answers a list: the session, or nothing where there was none to end.
 */
export const revokeScript = defineScript(
  3,
  `${sessionFunctions}
local before = recall_answer(KEYS[3])
if before then return before end

local s = load_session(KEYS[1])
if not s then return {} end

local now = clock()
end_session(KEYS[1], KEYS[2], s, ARGV[2])
return remember_answer(KEYS[3], {view(ARGV[1], s, now)})
`
)

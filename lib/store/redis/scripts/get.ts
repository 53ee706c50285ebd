import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Reads a session.
 *
 * KEYS: 1 the user's sessions. ARGV: 1 sid. Answers the session, or nothing.
 */
export const getScript = defineScript(
  1,
  `${sessionFunctions}
local record = find_record(load_records(KEYS[1], clock()), ARGV[1])
if not record then return ask_master(KEYS[1]) end
return view(open_record(record))
`
)

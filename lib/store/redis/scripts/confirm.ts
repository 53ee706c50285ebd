import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Notes that the client has proved to hold a generation. Does nothing where it is not the current one,
 * or was confirmed before.
 *
 * KEYS: 1 the session. ARGV: 1 the generation. Answers nothing.
 */
export const confirmScript = defineScript(
  1,
  `${sessionFunctions}
local s = load_session(KEYS[1])
if s and s.gen == tonumber(ARGV[1]) and s.confirmed == 0 then
  local now = clock()
  clamp(s, now)
  s.confirmed = now
  save_session(KEYS[1], s)
end
return false
`
)

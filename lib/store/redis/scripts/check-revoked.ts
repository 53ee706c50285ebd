import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Whether sessions of one user have ended, here: a failover may have brought one back. Writes a mark, for
 * `WAIT` waits for what its own connection has written: whoever has the mark has all that was written before.
 *
 * KEYS: 1 the user's sessions, 2 the mark.
 * ARGV: sids.
 * Answers 1 if all have, else 0.
 */
export const checkEndedScript = defineScript(
  2,
  `${sessionFunctions}
local records = load_records(KEYS[1], clock())
for _, sid in ipairs(ARGV) do
  if find_record(records, sid) then return 0 end
end
redis.call('SET', KEYS[2], '', 'PX', ANSWER_TTL)
return 1
`
)

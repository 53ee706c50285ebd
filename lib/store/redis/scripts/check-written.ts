import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Checks on this master that writes to sessions of one user are still there, because a failover may have undone them. Then
 * writes a marker for `WAIT`, which covers only the writes of its own connection. A replica that has the marker also has all
 * earlier writes. The marker can also be written in a full Redis, which accepts revocations.
 *
 * KEYS: 1 the user's sessions, 2 the marker.
 * ARGV: 1 the generation that the sessions must have reached, or 0 if they must be revoked, 2 and later: session ids.
 * Result: 1 if all sessions are as described, otherwise 0.
 */
export const checkWrittenScript = defineScript(
  2,
  `${sessionFunctions}
local records, min_gen = load_records(KEYS[1], read_clock()), tonumber(ARGV[1])

local function is_written(record)
  if min_gen == 0 then return not record end
  return record and to_session(record).gen >= min_gen
end

for i = 2, #ARGV do
  if not is_written(find_record(records, ARGV[i])) then return 0 end
end
require_master(KEYS[2])
redis.call('SET', KEYS[2], '', 'PX', RESULT_TTL_MS)
return 1
`
)

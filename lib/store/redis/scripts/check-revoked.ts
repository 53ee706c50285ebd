import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session-functions.js'

/**
 * Checks on this master that sessions of one user are revoked, because a failover may have restored one. Then writes a
 * marker for `WAIT`, which covers only the writes of its own connection. A replica that has the marker also has all
 * earlier writes.
 *
 * KEYS: 1 the user's sessions, 2 the marker.
 * ARGV: session ids.
 * Result: 1 if all are revoked, otherwise 0.
 */
export const checkRevokedScript = defineScript(
  2,
  `${sessionFunctions}
local records = load_records(KEYS[1], read_clock())
for _, sid in ipairs(ARGV) do
  if find_record(records, sid) then return 0 end
end
redis.call('SET', KEYS[2], '', 'PX', RESULT_TTL_MS)
return 1
`
)

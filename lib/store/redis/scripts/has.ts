import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Whether a session lives, on a master: a replica, which may not know of a logout yet, refuses the write,
 * of a key that never is.
 *
 * KEYS: 1 the user's sessions. ARGV: 1 sid. Answers `1` or `0`.
 */
export const hasScript = defineScript(
  1,
  `${sessionFunctions}
redis.call('DEL', KEYS[1] .. ':')
return find_record(load_records(KEYS[1], clock()), ARGV[1]) and '1' or '0'
`
)

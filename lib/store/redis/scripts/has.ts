import { defineScript } from '../run-script.js'
import { sessionFunctions } from './session.js'

/**
 * Whether a session lives, by what a master has.
 *
 * KEYS: 1 the user's sessions. ARGV: 1 sid. Answers `1` or `0`.
 */
export const hasScript = defineScript(
  1,
  `${sessionFunctions}
ask_master(KEYS[1])
return find_record(load_records(KEYS[1], clock()), ARGV[1]) and '1' or '0'
`
)

import { defineScript } from '../run-script.js'

/**
 * Whether a session lives. A script and no command, for a Cluster client may send a reading command to a
 * replica, which may not know of a logout yet.
 *
 * KEYS: 1 the session. Answers `1` or `0`.
 */
export const hasScript = defineScript(1, `return tostring(redis.call('EXISTS', KEYS[1]))`)

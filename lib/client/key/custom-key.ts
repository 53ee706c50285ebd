import { createProvingPost, type Prove } from './proving-post.js'
import type { SessionKey } from './session-key.js'

/**
 * Binds sessions to a key that the application keeps, for example in a keystore of the device. The application deletes
 * the key after a logout.
 * @param prove creates the proof of one request. If it rejects, the request is not sent, and the client tries again later
 */
export function customKey(prove: Prove): SessionKey {
  return (createTransport) => (runtime, post, session) =>
    createTransport(runtime, createProvingPost(runtime, post, prove), session)
}

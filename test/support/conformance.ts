import type { Test } from 'tap'
import { type OpenStore, testSessionStore } from '../../lib/testing/index.js'

/** Runs the conformance suite, as the package exports it, with tap. */
export async function conformance(t: Test, open: OpenStore): Promise<void> {
  testSessionStore({ test: (name, run) => t.test(name, run), open })
}

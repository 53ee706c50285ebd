export { createProof, type ProofContent, type ProofKeyPair } from '../tokens/proof/create-proof.js'
export type { OpenedStore, OpenStore } from './conformance/fixture.js'
export { type SessionStoreTests, testSessionStore } from './conformance/index.js'
export { type AppWithSessions, createTestSession, type TestSession } from './create-test-session.js'

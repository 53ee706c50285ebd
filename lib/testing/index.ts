export { type SessionStoreTests, testSessionStore } from './conformance/index.js'
export type { OpenedStore, OpenStore } from './conformance/subject.js'
export { type AppWithSessions, createTestSession, type TestSession } from './create-test-session.js'

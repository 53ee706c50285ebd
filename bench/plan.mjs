// The comparisons and their targets, as data.
//
// `implementations/<from>.mjs` builds an implementation with `settings`. Its clients use `transport`, one of
// `load/transports.mjs`. An implementation that rejects its settings is shown as not available.

/** The revocation mode of the targets, also used where the mode makes no difference. */
const mode = 'feed'

const thisPlugin = (name, settings = {}, more = {}) => ({
  name: `this plugin, ${name}`,
  from: 'this-plugin',
  transport: settings.transport ?? 'cookie',
  settings,
  ...more
})

const bare = { name: 'bare route', from: 'bare', transport: 'cookie' }
const jwtVerify = { name: 'jwtVerify()', from: 'jwt-verify', transport: 'cookie' }
const baseline = { name: 'baseline', from: 'baseline', transport: 'cookie' }
const batched = { batched: true }
const baselineBatched = { ...baseline, name: 'baseline, batched', settings: batched }
const tutorial = { name: 'GET, DEL, SET, SET', from: 'tutorial', transport: 'cookie' }
const tutorialBatched = { ...tutorial, name: 'GET, DEL, SET, SET, batched', settings: batched }
const session = { name: '@fastify/session', from: 'session', transport: 'session' }

/** A guarded GET with the repeated tokens of a few hundred users. */
export const GUARD = {
  title: 'Guarded GET, repeated tokens',
  references: [bare.name, jwtVerify.name],
  users: 400,
  implementations: [
    { ...bare, users: 1 },
    jwtVerify,
    { name: 'jwtVerify() with cache', from: 'jwt-verify', transport: 'cookie', settings: { cache: 10_000 } },
    { name: 'jwtVerify() and denylist', from: 'jwt-denylist', transport: 'cookie' },
    session,
    { ...session, name: '@fastify/session, not rolling', settings: { rolling: false } },
    thisPlugin('none', { mode: 'none' }),
    thisPlugin('store', { mode: 'store' }),
    thisPlugin('feed', { mode: 'feed' }),
    thisPlugin('feed, EdDSA', { mode: 'feed', algorithm: 'EdDSA' })
  ],
  targets: [
    { implementation: 'this plugin, feed', of: bare.name, atLeast: 0.85 },
    { implementation: 'this plugin, feed', of: jwtVerify.name, atLeast: 1.8 },
    { implementation: 'this plugin, feed, EdDSA', of: bare.name, atLeast: 0.8 }
  ]
}

/** A guarded GET with a new token each time. There are more tokens than any cache holds. */
export const GUARD_NEW = {
  title: 'Guarded GET, every token new',
  references: [jwtVerify.name],
  tokens: 160_000,
  implementations: [jwtVerify, thisPlugin('none', { mode: 'none' }), thisPlugin('feed', { mode: 'feed' })],
  targets: [{ implementation: 'this plugin, feed', of: jwtVerify.name, atLeast: 1 }]
}

/** A refresh with the token of the previous response. */
export const REFRESH = {
  title: 'Refresh',
  references: [baselineBatched.name, tutorialBatched.name],
  implementations: [
    baseline,
    baselineBatched,
    tutorial,
    tutorialBatched,
    session,
    thisPlugin('cookie', { mode }),
    thisPlugin('body', { mode, transport: 'body' }),
    thisPlugin('header', { mode, transport: 'header' }),
    thisPlugin('cookie, bound to a key', { mode }, { transport: 'bound' }),
    thisPlugin('cookie, no metadata', { mode, metadata: false }),
    thisPlugin('cookie, store', { mode: 'store' }),
    thisPlugin('cookie, default grace: replays', { mode, grace: '30s' }, { rotates: false })
  ],
  targets: [
    { implementation: 'this plugin, cookie', of: baselineBatched.name, atLeast: 0.85 },
    { implementation: 'this plugin, cookie', of: tutorialBatched.name, atLeast: 1 }
  ]
}

/** A login of a new user, without the hash of a password. */
export const LOGIN = {
  title: 'Login',
  references: [baselineBatched.name, tutorialBatched.name],
  implementations: [
    baseline,
    baselineBatched,
    tutorial,
    tutorialBatched,
    session,
    thisPlugin('cookie', { mode }),
    thisPlugin('cookie, no metadata', { mode, metadata: false }),
    thisPlugin('cookie, store', { mode: 'store' })
  ],
  targets: [
    { implementation: 'this plugin, cookie', of: baselineBatched.name, atLeast: 0.8 },
    { implementation: 'this plugin, cookie', of: tutorialBatched.name, atLeast: 0.9 }
  ]
}

/** A refresh in a Redis with few sessions, and in one with many. */
export const SCALE = {
  title: 'Refresh, by number of sessions',
  few: 1000,
  many: 1_000_000,
  /** How many of them are refreshed. The other sessions are copies of these. */
  refreshed: 50_000,
  implementation: thisPlugin('cookie', { mode }),
  targets: { ratio: 0.95 }
}

/** A refresh of users with one session and with many. */
export const SESSIONS_PER_USER = {
  title: 'Refresh, by sessions of the user',
  counts: [1, 10, 100],
  users: 40,
  rounds: 100,
  claims: [
    { bytes: 0, value: {} },
    {
      bytes: 4000,
      value: { roles: Array.from({ length: 364 }, (_, i) => `role-${String(i).padStart(3, '0')}`) }
    }
  ],
  targets: { ratio: 2.5 }
}

/** Memory of Redis per session. */
export const MEMORY = {
  title: 'Redis memory, bytes per session',
  sessions: 50_000,
  rotatedSessions: 500,
  rotations: 10,
  metadata: {
    user_agent:
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
    ip: '203.0.113.195'
  },
  targets: { plain: 373, withMetadata: 500, growthPerRotation: 0 }
}

/** Many short rounds, so that all implementations are measured at nearly the same time. */
export const FULL = { starts: 5, rounds: 7, firstWarmUpMs: 800, warmUpMs: 50, measureMs: 150 }

/** Checks that everything runs and that every response is correct. The figures are meaningless. */
export const SHORT = {
  starts: 1,
  rounds: 1,
  firstWarmUpMs: 150,
  warmUpMs: 50,
  measureMs: 200,
  sizes: 1 / 100
}

/**
 * What is compared with what, and what is to be reached: data, and no more.
 *
 * A contestant is built by `contestants/<from>.mjs` with `settings`; its clients hold their tokens as
 * `transport` says (`load/transports.mjs`). One that refuses its settings is shown as not available.
 */

/** The mode of revocation that the targets are meant for; where it makes no difference, too. */
const mode = 'feed'

const ours = (name, settings = {}, more = {}) => ({
  name: `ours, ${name}`,
  from: 'this-plugin',
  transport: settings.transport ?? 'cookie',
  settings,
  ...more
})

const bare = { name: 'bare route', from: 'bare', transport: 'cookie' }
const jwtVerify = { name: 'jwtVerify()', from: 'jwt-verify', transport: 'cookie' }
const floor = { name: 'by hand', from: 'baseline', transport: 'cookie' }
const tutorial = { name: 'GET, DEL, SET, SET', from: 'tutorial', transport: 'cookie' }
const session = { name: '@fastify/session', from: 'session', transport: 'session' }

/** A guarded GET, again and again with the tokens of the same few hundred users. */
export const GUARD = {
  title: 'Guarded GET, the tokens of the same users',
  references: [bare.name, jwtVerify.name],
  users: 400,
  contestants: [
    { ...bare, users: 1 },
    jwtVerify,
    { name: 'jwtVerify() with cache', from: 'jwt-verify', transport: 'cookie', settings: { cache: 10_000 } },
    { name: 'jwtVerify() and blacklist', from: 'jwt-blacklist', transport: 'cookie' },
    session,
    { ...session, name: '@fastify/session, not rolling', settings: { rolling: false } },
    ours('none', { mode: 'none' }),
    ours('store', { mode: 'store' }),
    ours('feed', { mode: 'feed' }),
    ours('feed, EdDSA', { mode: 'feed', algorithm: 'EdDSA' })
  ],
  targets: [
    { contestant: 'ours, feed', of: bare.name, atLeast: 0.85 },
    { contestant: 'ours, feed', of: jwtVerify.name, atLeast: 1.8 },
    { contestant: 'ours, feed, EdDSA', of: bare.name, atLeast: 0.8 }
  ]
}

/** A guarded GET whose token was never seen before: more tokens go round than anything remembers. */
export const GUARD_NEW = {
  title: 'Guarded GET, every token new',
  references: [jwtVerify.name],
  tokens: 160_000,
  contestants: [jwtVerify, ours('none', { mode: 'none' }), ours('feed', { mode: 'feed' })],
  targets: [{ contestant: 'ours, feed', of: jwtVerify.name, atLeast: 1 }]
}

/** A refresh, each with the token of the one before. */
export const REFRESH = {
  title: 'Refresh',
  references: [floor.name],
  contestants: [
    floor,
    tutorial,
    session,
    ours('cookie', { mode }),
    ours('body', { mode, transport: 'body' }),
    ours('header', { mode, transport: 'header' }),
    ours('cookie, no metadata', { mode, metadata: false }),
    ours('cookie, store', { mode: 'store' }),
    ours('cookie, default grace: replays', { mode, grace: '30s' }, { rotates: false })
  ],
  targets: [{ contestant: 'ours, cookie', of: floor.name, atLeast: 1 }]
}

/** A login of a new user, without a password to hash. */
export const LOGIN = {
  title: 'Login',
  references: [floor.name],
  contestants: [
    floor,
    tutorial,
    session,
    ours('cookie', { mode }),
    ours('cookie, no metadata', { mode, metadata: false }),
    ours('cookie, store', { mode: 'store' })
  ],
  targets: [{ contestant: 'ours, cookie', of: floor.name, atLeast: 1 }]
}

/** A refresh in a Redis with few sessions, and in one with many. */
export const SCALE = {
  title: 'Refresh, by the number of live sessions',
  few: 1000,
  many: 1_000_000,
  /** Of the many, those that are refreshed; the others are copies of them, and are there. */
  refreshed: 50_000,
  contestant: ours('cookie', { mode }),
  targets: { ratio: 0.95 }
}

/** What Redis holds for each session. */
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

/** Many short rounds rather than few long ones: what is compared is measured at nearly the same time. */
export const FULL = { starts: 5, rounds: 7, firstWarmUpMs: 800, warmUpMs: 50, measureMs: 150 }

/** Proves that everything runs and answers right; its figures mean nothing. */
export const SHORT = {
  starts: 1,
  rounds: 1,
  firstWarmUpMs: 150,
  warmUpMs: 50,
  measureMs: 200,
  sizes: 1 / 100
}

import { setImmediate as settle } from 'node:timers/promises'
import { MemoryStore } from '../../lib/store/memory/memory-store.js'
import { createFamily, sidOf } from '../../lib/tokens/session-id.js'
import type { NewSession, Refresh, SessionStore } from '../../types/session-store.js'
import { collect } from '../support/gc.js'

const HOUR = 3_600_000
const TENTHS = 10

export interface Tenth {
  /** The number of sessions created so far. */
  created: number
  existing: number
  /** Measured after a garbage collection. */
  heapUsed: number
  /** CPU microseconds per session: a login, a confirmation, two refreshes, a list, and a logout for one in ten. */
  operationsUs: number
}

export interface Outcome {
  tenths: Tenth[]
  /** Before the first session and after all have expired. */
  heapBefore: number
  heapAfter: number
  /** The longest call while the sessions expired, in milliseconds. */
  longestCallMs: number
}

/**
 * Creates sessions one after another. At most `maxExisting` exist at a time. The clock of the test advances, and after
 * the last login it advances by seconds until all sessions have expired.
 */
export async function createMany(sessions: number, maxExisting: number): Promise<Outcome> {
  const clock = { nowMs: Date.UTC(2030, 0, 1) }
  const store = new MemoryStore({ now: () => clock.nowMs })
  const between = HOUR / maxExisting
  const heapBefore = await heap()
  const tenths: Tenth[] = []
  const perTenth = sessions / TENTHS

  for (let tenth = 1; tenth <= TENTHS; tenth++) {
    const before = process.cpuUsage()
    for (let i = 0; i < perTenth; i++) {
      clock.nowMs += between
      await runSession(store, (tenth - 1) * perTenth + i)
    }
    const { user, system } = process.cpuUsage(before)
    const operationsUs = (user + system) / perTenth
    const created = tenth * perTenth
    tenths.push({ created, existing: Math.min(created, maxExisting), heapUsed: await heap(), operationsUs })
  }

  let longestNs = 0n
  for (const endMs = clock.nowMs + HOUR + 2 * 60_000; clock.nowMs < endMs; ) {
    clock.nowMs += 1000
    const startNs = process.hrtime.bigint()
    await store.has('an unknown session')
    const tookNs = process.hrtime.bigint() - startNs
    if (tookNs > longestNs) longestNs = tookNs
  }
  return { tenths, heapBefore, heapAfter: await heap(), longestCallMs: Number(longestNs) / 1e6 }
}

/** Runs the operations of one session. Their cost must not depend on the number of sessions. */
async function runSession(store: SessionStore, i: number): Promise<void> {
  const session = newSession(`user-${Math.floor(i / 3)}`)
  const { sid, sub } = session
  await store.create(session)
  await store.rotate(refresh(sid, 1, i))
  await store.confirm(sid, 2)
  await store.rotate(refresh(sid, 2, i))
  await store.list(sub)
  if (i % TENTHS === 0) await store.revoke([sid], 'logout', `logout-${i}`)
}

function newSession(sub: string): NewSession {
  return {
    sid: sidOf(createFamily(sub)),
    sub,
    ttlMs: 2 * HOUR,
    idleMs: HOUR,
    remember: true,
    claims: { roles: ['reader'] },
    metadata: {},
    requestMetadata: {
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101',
      ip: '127.0.0.1'
    },
    authentication: {},
    maxPerUser: 100,
    evicts: true,
    replaces: []
  }
}

function refresh(sid: string, gen: number, i: number): Refresh {
  return {
    sid,
    gen,
    issuedUs: 0,
    graceMs: 30_000,
    untilConfirmed: true,
    rollback: 'accept-one',
    reportReplayable: false,
    idleMs: HOUR,
    requestMetadata: null,
    idempotencyKey: `${i}-${gen}`
  }
}

async function heap(): Promise<number> {
  // Lets finished work be released first.
  for (let i = 0; i < 3; i++) {
    await settle()
    collect()
  }
  return process.memoryUsage().heapUsed
}

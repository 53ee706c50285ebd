import { setImmediate as settle } from 'node:timers/promises'
import { MemoryStore } from '../../lib/store/memory/memory-store.js'
import { createFamily, sidOf } from '../../lib/tokens/session-id.js'
import type { NewSession, Refresh, SessionStore } from '../../types/session-store.js'
import { collect } from './gc.js'

const HOUR = 3_600_000
const TENTHS = 10

export interface Tenth {
  /** Sessions that were begun so far. */
  begun: number
  alive: number
  /** After a collection; what the measurement itself keeps is not counted. */
  heapUsed: number
  /** Of a login, a call, two refreshes, a list, and of one in ten a logout: microseconds of the processor. */
  operationsUs: number
}

export interface Outcome {
  tenths: Tenth[]
  /** Before the first session, and when all of them are over. */
  heapBefore: number
  heapAfter: number
  /** The longest that one call took while they expired: milliseconds. */
  longestCallMs: number
}

/**
 * Sessions that are begun one after another, each alive for `aliveFor` of them: with `aliveFor` as large as
 * `sessions`, all are alive at once. Time is the test's; when they are all there, it goes on by minutes until
 * the last is over.
 */
export async function beginMany(sessions: number, aliveFor: number): Promise<Outcome> {
  const clock = { nowMs: Date.UTC(2030, 0, 1) }
  const store = new MemoryStore({ now: () => clock.nowMs })
  const between = HOUR / aliveFor
  const heapBefore = await heap()
  const tenths: Tenth[] = []
  const perTenth = sessions / TENTHS

  for (let tenth = 1; tenth <= TENTHS; tenth++) {
    const before = process.cpuUsage()
    for (let i = 0; i < perTenth; i++) {
      clock.nowMs += between
      await goThrough(store, (tenth - 1) * perTenth + i)
    }
    const { user, system } = process.cpuUsage(before)
    const operationsUs = (user + system) / perTenth
    const begun = tenth * perTenth
    tenths.push({ begun, alive: Math.min(begun, aliveFor), heapUsed: await heap(), operationsUs })
  }

  let longestNs = 0n
  for (const endMs = clock.nowMs + HOUR + 2 * 60_000; clock.nowMs < endMs; ) {
    clock.nowMs += 1000
    const startNs = process.hrtime.bigint()
    await store.has('a session that never was')
    const tookNs = process.hrtime.bigint() - startNs
    if (tookNs > longestNs) longestNs = tookNs
  }
  return { tenths, heapBefore, heapAfter: await heap(), longestCallMs: Number(longestNs) / 1e6 }
}

/** What a session goes through; what is alive costs no more for each that there is. */
async function goThrough(store: SessionStore, i: number): Promise<void> {
  const session = newSession(`user-${Math.floor(i / 3)}`)
  const { sid, sub } = session
  await store.create(session)
  await store.rotate(refresh(sid, 1, i))
  await store.confirm(sid, 2)
  await store.rotate(refresh(sid, 2, i))
  await store.list(sub)
  if (i % TENTHS === 0) await store.revoke(sid, 'logout', `logout-${i}`)
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
    maxPerUser: 100,
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
  // What is ready to end, ends first.
  for (let i = 0; i < 3; i++) {
    await settle()
    collect()
  }
  return process.memoryUsage().heapUsed
}

import { STALE_AFTER_MS } from './deployment.js'
import type { Acceptance, LostSession, RunRecord } from './run-record.js'

/** A write that was acknowledged so shortly before a failover, or before it was noticed, may be lost. */
const LOSS_WINDOW_MS = 1000
const LOST_LOGIN = 'FRT_ERR_REFRESH_TOKEN_EXPIRED'

const COLUMNS = [
  ...['topology', 'seed', 'faults', 'requests', '503', 'without Retry-After', 'unexpected', 'hung'],
  ...['logged out', 'of them with a write in the last second', 'lost logins', 'logouts', 'undone'],
  ...['longest acceptance, feed fresh', 'feed stale', 'split, moved, joined']
]

export const TABLE_HEAD = `${line(COLUMNS)}\n${line(COLUMNS.map(() => '---'))}`

/** Returns a row of the table. */
export function rowOf(record: RunRecord, topology: string, seed: number, faults: number): string {
  const longest = (isFresh: boolean) =>
    Math.max(0, ...accessTokensOf(record, isFresh).map(({ afterMs }) => Math.round(afterMs)))
  return line([
    ...[topology, seed, faults, record.requests, record.unavailable, record.withoutRetryAfter],
    ...[record.unexpected.length, record.hung, codesOf(record.lostSessions)],
    record.lostSessions.filter((session) => hasLateWrite(session, record)).length,
    record.lostSessions.filter(isLostLogin).length,
    ...[record.logouts.length, undone(record).length],
    ...[`${longest(true)} ms`, `${longest(false)} ms`],
    ['redis_split', 'redis_client_moved', 'redis_joined'].map((name) => record.count(name)).join(', ')
  ])
}

/** Returns the promises that were broken. */
export function brokenPromises(record: RunRecord): string[] {
  const { unexpected, withoutRetryAfter, hung } = record
  return [
    ...undone(record).map(
      ({ token, app, afterMs, logout }) =>
        `the ${token} token was accepted by app ${app} ${Math.round(afterMs)} ms after app ${logout.app} answered the logout at ${seconds(logout.answeredAtMs)}`
    ),
    ...unexpected.map(
      ({ operation, app, status, code, answeredAtMs }) =>
        `${operation} by app ${app} was ${status} ${code ?? ''} at ${seconds(answeredAtMs)}`
    ),
    ...(withoutRetryAfter > 0 ? [`${withoutRetryAfter} times 503 without Retry-After`] : []),
    ...(hung > 0 ? [`${hung} requests hung`] : [])
  ]
}

/** Returns the incidents and the sessions that honest clients lost, in the order of time. */
export function timelineOf(record: RunRecord): string[] {
  const lost = record.lostSessions.map(({ code, atMs, writesAtMs }) => ({
    name: `session lost: ${code}, writes ${writesAtMs.slice(-3).map(seconds).join(', ')}`,
    atMs
  }))
  return [...record.incidents.map((incident) => ({ ...incident, name: nameOf(incident) })), ...lost]
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ name, atMs }) => `${seconds(atMs)} ${name}`)
}

function nameOf({ name, app }: { name: string; app?: number }): string {
  return app === undefined ? name : `app ${app}: ${name}`
}

/**
 * Returns the first late acceptance of each logout. With a stale feed, access tokens may be accepted until they expire
 * (`onStale: 'allow'`).
 */
function undone({ acceptances }: RunRecord): Acceptance[] {
  const late = acceptances.filter(
    ({ token, afterMs, isFresh }) => afterMs > STALE_AFTER_MS && (token === 'refresh' || isFresh)
  )
  return late.filter(({ logout }, i) => late.findIndex((other) => other.logout === logout) === i)
}

function accessTokensOf({ acceptances }: RunRecord, isFresh: boolean): Acceptance[] {
  return acceptances.filter((acceptance) => acceptance.token === 'access' && acceptance.isFresh === isFresh)
}

/** Whether a write was acknowledged shortly before a fault, before another master was elected, or before a split was noticed. */
function hasLateWrite({ writesAtMs }: LostSession, { incidents }: RunRecord): boolean {
  const closings = incidents.filter(({ name }) => /^(fault: |switch|redis_split)/.test(name))
  return writesAtMs.some((writeAtMs) =>
    closings.some(({ atMs }) => writeAtMs <= atMs && atMs - writeAtMs <= LOSS_WINDOW_MS)
  )
}

/** A login that the store does not have, and that was never refreshed. */
function isLostLogin({ code, writesAtMs }: LostSession): boolean {
  return code === LOST_LOGIN && writesAtMs.length === 1
}

function codesOf(sessions: readonly LostSession[]): string {
  const counts = new Map<string, number>()
  for (const { code } of sessions) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${count} ${code.replace('FRT_ERR_', '')}`).join(', ') || '0'
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}

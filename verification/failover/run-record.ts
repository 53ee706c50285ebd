/** All times are of the monotonic clock, in milliseconds. */
export interface Answer {
  operation: Operation
  /** The number of the application. */
  app: number
  status: number
  code: string | undefined
  sentAtMs: number
  answeredAtMs: number
}

export type Operation = 'login' | 'refresh' | 'logout' | 'guarded'

/** A log event of an application, or a fault. */
export interface Incident {
  name: string
  atMs: number
  app?: number
}

/** An honest client got 401 for its refresh token, and had not logged out. */
export interface LostSession {
  code: string
  atMs: number
  /** When the login and the rotations of the session were answered. */
  writesAtMs: readonly number[]
}

/** A logout that was answered 200. */
export interface Logout {
  app: number
  answeredAtMs: number
}

/** A token of a session was accepted after its logout had been answered. */
export interface Acceptance {
  logout: Logout
  token: 'access' | 'refresh'
  app: number
  /** How long after the answer the accepted request was sent. */
  afterMs: number
  /** Whether the application had read its feed shortly before. */
  isFresh: boolean
}

/** What was observed in one run. */
export class RunRecord {
  /** The answers with status 200. */
  readonly accepted: Answer[] = []
  /** Answers with another status than 200, 401 and 503. */
  readonly unexpected: Answer[] = []
  readonly incidents: Incident[] = []
  readonly lostSessions: LostSession[] = []
  readonly logouts: Logout[] = []
  readonly acceptances: Acceptance[] = []
  requests = 0
  unavailable = 0
  /** 503 without `Retry-After`. */
  withoutRetryAfter = 0
  hung = 0

  addIncident(name: string, app?: number): void {
    this.incidents.push({ name, atMs: performance.now(), ...(app !== undefined && { app }) })
  }

  count(name: string): number {
    return this.incidents.filter((incident) => incident.name === name).length
  }
}

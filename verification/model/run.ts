import { deepStrictEqual, equal } from 'node:assert/strict'
import { mock } from 'node:test'
import type { LightMyRequestResponse } from 'fastify'
import type { Family } from '../../lib/tokens/session-id.js'
import type { StoreUnderTest } from '../../test/support/stores.js'
import { PHASES, type Process, type Told } from './deployment.js'
import { type Ended, Model, type ModelStore } from './model.js'
import { restore, type Snapshot, take } from './snapshot.js'
import type { Step } from './steps.js'

const COOKIE = '__Host-refresh_token'
const ACCESS_TTL_MS = 300_000

type Transport = 'cookie' | 'body'

interface IssuedToken {
  text: string
  family: Family
  sid: string
  gen: number
  copy: number
}

interface IssuedAccess {
  text: string
  sid: string
  sub: string
  gen: number
  exp: number
  phase: number
}

/** What a process remembers by itself. */
interface Memory {
  /** Why sessions ended. */
  known: Map<string, Ended>
  /** The generation of each session that it has told the store of. */
  confirmed: Map<string, number>
}

/** One run: the plugin and the model, side by side. */
export class Run {
  readonly #under: StoreUnderTest
  readonly #processes: Process[][]
  readonly #told: Told[]
  readonly #model: Model
  readonly #phases = [0, 0]
  #memories = [newMemory(), newMemory()]
  readonly #tokens: IssuedToken[] = []
  readonly #accesses: IssuedAccess[] = []
  readonly #rows: Map<number, number>
  #replica: { model: ModelStore; snapshot: Snapshot } | null = null
  #expected: Told[] = []

  /** @param rows counts which rows refreshes fall under */
  constructor(under: StoreUnderTest, processes: Process[][], told: Told[], rows: Map<number, number>) {
    this.#under = under
    this.#processes = processes
    this.#told = told
    this.#rows = rows
    this.#model = new Model(under.clock.nowMs * 1000)
    mock.timers.setTime(under.clock.nowMs)
  }

  async step(step: Step): Promise<void> {
    this.#expected = []
    this.#told.length = 0
    await this.#do(step)
    await this.#under.settled()
    deepStrictEqual([...this.#told].sort(), this.#expected.sort(), 'what the hooks told')
  }

  async #do(step: Step): Promise<void> {
    switch (step.do) {
      case 'login':
        return this.#login(step)
      case 'refresh':
        return this.#refresh(step)
      case 'confirm': {
        const access = this.#access(step.access)
        if (!access) return
        const answer = await this.#guarded(step.process, access, 'GET', '/me')
        if (answer) equal(answer.json().gen, access.gen)
        return
      }
      case 'logout':
        return this.#logout(step)
      case 'logout everywhere': {
        const access = this.#access(step.access)
        if (!access) return
        const answer = await this.#guarded(step.process, access, 'POST', '/auth/logout-all')
        if (!answer) return
        const sessions = this.#model.sessionsOf(access.sub)
        deepStrictEqual(answer.json(), { revoked: sessions.length })
        for (const { sid } of sessions) this.#end(step.process, sid, 'logout')
        return
      }
      case 'list': {
        const access = this.#access(step.access)
        if (!access) return
        const answer = await this.#guarded(step.process, access, 'GET', '/auth/sessions')
        if (!answer) return
        const listed = answer.json().sessions.map(({ id, current }: Record<string, unknown>) => [id, current])
        const sessions = this.#model.sessionsOf(access.sub)
        deepStrictEqual(
          listed,
          sessions.map(({ sid }) => [sid, sid === access.sid])
        )
        return
      }
      case 'remove':
        return this.#remove(step)
      case 'roll the secrets':
        return this.#roll(step.process)
      case 'fall behind': {
        const snapshot = await take(this.#under)
        if (snapshot) this.#replica = { model: structuredClone(this.#model.store), snapshot }
        return
      }
      case 'fail over': {
        if (!this.#replica) return
        await restore(this.#under, this.#replica.snapshot)
        this.#model.store = this.#replica.model
        this.#replica = null
        return
      }
      case 'pass': {
        await this.#under.advance(step.ms)
        mock.timers.setTime(this.#under.clock.nowMs)
        this.#model.now += step.ms * 1000
      }
    }
  }

  async #login({ process, transport, user, replaces }: Step & { do: 'login' }): Promise<void> {
    const sub = ['ada', 'grace'][user] as string
    const token = replaces === null ? undefined : this.#token(replaces)
    const answer = await this.#post(process, '/login', transport, token?.text, { sub })
    equal(answer.statusCode, 200)
    const text = refreshTokenOf(answer, transport)
    const parsed = this.#process(process).codec.parse(text as string)
    if (!parsed) throw new Error('a login gave no valid token')
    const { sid, family } = parsed
    const replaced = token && this.#isValid(process, token) ? [token.sid] : []
    const evicted = this.#model.login(sid, sub, replaced)
    this.#expected.push(['login', sid])
    for (const [old, ended] of evicted) this.#note(process, old, ended)
    for (const old of replaced) this.#end(process, old, 'replaced')
    this.#issued(process, answer, transport, { sid, family, gen: 1, copy: 0 }, sub)
    // Two logins of one microsecond have no order.
    await this.#do({ do: 'pass', ms: 1 })
  }

  async #refresh({ process, transport, token: number, ahead }: Step & { do: 'refresh' }): Promise<void> {
    const token = this.#token(number)
    if (!token) return
    const { codec } = this.#process(process)
    const gen = token.gen + ahead
    const text = ahead === 0 ? token.text : codec.issue(token.family, gen, token.copy)
    const answer = await this.#post(process, '/refresh', transport, text)
    if (!codec.parse(text)) {
      equal(this.#isValid(process, token), false, 'a valid token is known by its secret')
      return refused(answer, 'FRT_ERR_REFRESH_TOKEN_INVALID')
    }

    const { sid, family, copy } = token
    const verdict = this.#model.refresh(sid, gen, copy, this.#memory(process).known.get(sid))
    const row = 'row' in verdict ? verdict.row : verdict.outcome === 'revoked' ? 1 : 2
    this.#rows.set(row, (this.#rows.get(row) ?? 0) + 1)
    switch (verdict.outcome) {
      case 'unknown':
        return refused(answer, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
      case 'revoked': {
        const code = verdict.reason === 'reuse' ? 'REFRESH_TOKEN_REUSED' : 'SESSION_REVOKED'
        return refused(answer, `FRT_ERR_${code}`)
      }
      case 'reuse':
      case 'rollback': {
        const ended = this.#model.end(sid, verdict.outcome) as Ended
        this.#memory(process).known.set(sid, ended)
        this.#expected.push(['reuse', sid, verdict.outcome, verdict.row])
        const code = verdict.outcome === 'reuse' ? 'REFRESH_TOKEN_REUSED' : 'SESSION_REVOKED'
        return refused(answer, `FRT_ERR_${code}`)
      }
      default: {
        const { outcome } = verdict
        equal(answer.statusCode, 200, `row ${row}: ${answer.body}`)
        this.#expected.push(['refresh', sid, verdict.gen, outcome, row, row > 4 && outcome === 'rotated'])
        const sub = this.#model.alive(sid)?.sub as string
        const issued = { sid, family, gen: verdict.gen, copy: verdict.copy }
        if (row === 3 && transport === 'cookie') equal(answer.headers['set-cookie'], undefined)
        this.#issued(process, answer, transport, issued, sub)
      }
    }
  }

  async #logout({
    process,
    transport,
    token: number,
    access: other
  }: Step & { do: 'logout' }): Promise<void> {
    const token = number === null ? undefined : this.#token(number)
    const access = other === null ? undefined : this.#access(other)
    const headers = access ? { authorization: `Bearer ${access.text}` } : {}
    const answer = await this.#post(process, '/logout', transport, token?.text, {}, headers)
    equal(answer.statusCode, 200)
    deepStrictEqual(answer.json(), {})
    const sids = new Set([
      ...(token && this.#isValid(process, token) ? [token.sid] : []),
      ...(access && this.#isSigned(process, access) ? [access.sid] : [])
    ])
    for (const sid of sids) this.#end(process, sid, 'logout')
  }

  async #remove({ process, access: number, token: other }: Step & { do: 'remove' }): Promise<void> {
    const [access, token] = [this.#access(number), this.#token(other)]
    if (!access || !token) return
    const path = `/auth/sessions/${token.sid}`
    const isOwn = () => this.#model.alive(token.sid)?.sub === access.sub
    const answer = await this.#guarded(process, access, 'DELETE', path, () => (isOwn() ? 200 : 404))
    if (answer?.statusCode === 200) this.#end(process, token.sid, 'revoked')
  }

  /** A process begins anew with the secrets of the next phase, once the others have those of this one. */
  #roll(process: number): void {
    const phase = this.#phases[process] as number
    const isNext = phase <= Math.min(...this.#phases) && phase + 1 < PHASES.length
    if (!isNext) return
    this.#phases[process] = phase + 1
    this.#memories[process] = newMemory()
  }

  /** A request with an access token: the answer, where the guard lets it in. */
  async #guarded(
    process: number,
    access: IssuedAccess,
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    statusOf: () => number = () => 200
  ): Promise<LightMyRequestResponse | null> {
    const headers = { authorization: `Bearer ${access.text}` }
    const answer = await this.#process(process).app.inject({ method, url, headers })
    const code = this.#guardSays(process, access)
    if (code) {
      refused(answer, code)
      return null
    }
    const { confirmed } = this.#memory(process)
    // Each process tells the store of a generation once.
    if (access.gen > (confirmed.get(access.sid) ?? 1)) {
      confirmed.set(access.sid, access.gen)
      this.#model.prove(access.sid, access.gen)
    }
    equal(answer.statusCode, statusOf(), answer.body)
    return answer
  }

  #guardSays(process: number, access: IssuedAccess): string | null {
    if (!this.#isSigned(process, access)) return 'FRT_ERR_ACCESS_TOKEN_INVALID'
    if (this.#under.clock.nowMs >= access.exp * 1000) return 'FRT_ERR_ACCESS_TOKEN_EXPIRED'
    const isKnown = this.#memory(process).known.has(access.sid)
    return isKnown || !this.#model.alive(access.sid) ? 'FRT_ERR_SESSION_REVOKED' : null
  }

  /** The process ends a session, whatever there is of it. */
  #end(process: number, sid: string, reason: string): void {
    const { known } = this.#memory(process)
    const ended = this.#model.end(sid, reason)
    if (ended) this.#note(process, sid, ended)
    else if (!known.has(sid)) known.set(sid, { reason, until: 0 })
  }

  #note(process: number, sid: string, ended: Ended): void {
    this.#memory(process).known.set(sid, ended)
    this.#expected.push(['logout', sid, ended.reason])
  }

  /** Takes what an answer brings, and holds it against what the model says that it brings. */
  #issued(
    process: number,
    answer: LightMyRequestResponse,
    transport: Transport,
    token: Omit<IssuedToken, 'text'>,
    sub: string
  ): void {
    const { codec, phase } = this.#process(process)
    const { sid, family, gen, copy } = token
    const text = refreshTokenOf(answer, transport)
    if (text !== undefined) {
      equal(text, codec.issue(family, gen, copy), `generation ${gen}, copy ${copy}`)
      this.#tokens.push({ text, ...token })
    }
    const { access_token, expires_in } = answer.json()
    const nowMs = this.#under.clock.nowMs
    const exp = Math.ceil((nowMs + ACCESS_TTL_MS) / 1000)
    equal(expires_in, Math.floor(exp - nowMs / 1000))
    this.#accesses.push({ text: access_token, sid, sub, gen, exp, phase })
  }

  async #post(
    process: number,
    path: string,
    transport: Transport,
    token: string | undefined,
    body: object = {},
    headers: Record<string, string> = {}
  ): Promise<LightMyRequestResponse> {
    const isBody = transport === 'body'
    return this.#process(process).app.inject({
      method: 'POST',
      url: `/auth${path}`,
      headers: {
        ...headers,
        ...(isBody && { 'x-client': 'mobile' }),
        ...(!isBody && token !== undefined && { cookie: `${COOKIE}=${token}` })
      },
      payload: { ...body, ...(isBody && token !== undefined && { refresh_token: token }) }
    })
  }

  #process(number: number): Process {
    return this.#processes[number]?.[this.#phases[number] as number] as Process
  }

  #memory(number: number): Memory {
    return this.#memories[number] as Memory
  }

  #token(number: number): IssuedToken | undefined {
    return newest(this.#tokens, number)
  }

  #access(number: number): IssuedAccess | undefined {
    return newest(this.#accesses, number)
  }

  #isValid(process: number, { text }: IssuedToken): boolean {
    return this.#process(process).codec.parse(text) !== null
  }

  /** The first secret of the phase in which it was signed is one of this phase's. */
  #isSigned(process: number, { phase }: IssuedAccess): boolean {
    const secret = PHASES[phase]?.[0]
    return PHASES[this.#process(process).phase]?.some((own) => own === secret) ?? false
  }
}

function newMemory(): Memory {
  return { known: new Map(), confirmed: new Map() }
}

function newest<T>(issued: readonly T[], number: number): T | undefined {
  return issued.at(-1 - (number % Math.max(1, issued.length)))
}

function refused(answer: LightMyRequestResponse, code: string): void {
  equal(answer.json().code, code)
  equal(answer.statusCode, 401)
  equal(answer.headers['set-cookie'], undefined, 'only a logout clears the cookie')
}

function refreshTokenOf(answer: LightMyRequestResponse, transport: Transport): string | undefined {
  const cookie = answer.cookies.find(({ name }) => name === COOKIE)?.value
  const { refresh_token: body } = answer.json()
  equal(transport === 'cookie' ? body : cookie, undefined, 'what came one way never leaves another')
  return transport === 'cookie' ? cookie : body
}

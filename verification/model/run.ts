import { deepStrictEqual, equal } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mock } from 'node:test'
import type { LightMyRequestResponse } from 'fastify'
import { createProof, type ProofKeyPair } from '../../lib/testing/index.js'
import type { Family, Thumbprint } from '../../lib/tokens/session-id.js'
import type { StoreUnderTest } from '../../test/support/stores.js'
import { type HookCall, PHASES, type Process } from './deployment.js'
import { Model, type ModelStore, type Revocation } from './model.js'
import { restoreSnapshot, type Snapshot, takeSnapshot } from './snapshot.js'
import type { Step } from './steps.js'

const COOKIE = '__Host-refresh_token'
const ACCESS_TTL_MS = 300_000

type Transport = 'cookie' | 'body'

/** The key of all bound sessions, and another one. */
const [OWN, OTHER] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })) as [
  ProofKeyPair,
  ProofKeyPair
]

interface IssuedRefreshToken {
  text: string
  family: Family
  jkt: Thumbprint | null
  sid: string
  gen: number
  copy: number
}

interface IssuedAccessToken {
  text: string
  sid: string
  sub: string
  gen: number
  exp: number
  phase: number
}

/** What a process keeps in memory. */
interface ProcessState {
  /** The local record of revocations. */
  revocations: Map<string, Revocation>
  /** Sessions that a call of the process has revoked. A later logout of them does not ask the store again. */
  settled: Set<string>
  /** The last generation of each session that the process confirmed in the store. */
  confirmed: Map<string, number>
}

/** Runs the same steps against the plugin and the model, and compares the results. */
export class Run {
  readonly #storeUnderTest: StoreUnderTest
  readonly #processes: Process[][]
  readonly #hookCalls: HookCall[]
  readonly #model: Model
  readonly #phases = [0, 0]
  #processStates = [newProcessState(), newProcessState()]
  readonly #tokens: IssuedRefreshToken[] = []
  readonly #accessTokens: IssuedAccessToken[] = []
  readonly #rows: Map<number, number>
  #replica: { model: ModelStore; snapshot: Snapshot } | null = null
  #expected: HookCall[] = []

  /** @param rows counts by which row each refresh was decided */
  constructor(
    storeUnderTest: StoreUnderTest,
    processes: Process[][],
    hookCalls: HookCall[],
    rows: Map<number, number>
  ) {
    this.#storeUnderTest = storeUnderTest
    this.#processes = processes
    this.#hookCalls = hookCalls
    this.#rows = rows
    this.#model = new Model(storeUnderTest.clock.nowMs * 1000)
    mock.timers.setTime(storeUnderTest.clock.nowMs)
  }

  async step(step: Step): Promise<void> {
    this.#expected = []
    this.#hookCalls.length = 0
    await this.#do(step)
    await this.#storeUnderTest.settled()
    deepStrictEqual([...this.#hookCalls].sort(), this.#expected.sort(), 'calls of the hooks')
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
        const response = await this.#guarded(step.process, access, 'GET', '/me')
        if (response) equal(response.json().gen, access.gen)
        return
      }
      case 'logout':
        return this.#logout(step)
      case 'logout everywhere': {
        const access = this.#access(step.access)
        if (!access) return
        const response = await this.#guarded(step.process, access, 'POST', '/auth/logout-all')
        if (!response) return
        const sessions = this.#model.sessionsOf(access.sub)
        deepStrictEqual(response.json(), { revoked: sessions.length })
        for (const { sid } of sessions) this.#revoke(step.process, sid, 'logout')
        return
      }
      case 'logout others': {
        const access = this.#access(step.access)
        if (!access) return
        const response = await this.#guarded(step.process, access, 'POST', '/auth/logout-others')
        if (!response) return
        const others = this.#model.sessionsOf(access.sub).filter(({ sid }) => sid !== access.sid)
        deepStrictEqual(response.json(), { revoked: others.length })
        for (const { sid } of others) this.#revoke(step.process, sid, 'logout')
        return
      }
      case 'rename':
        return this.#rename(step)
      case 'list': {
        const access = this.#access(step.access)
        if (!access) return
        const response = await this.#guarded(step.process, access, 'GET', '/auth/sessions')
        if (!response) return
        const listed = response
          .json()
          .sessions.map(({ id, current, name }: Record<string, unknown>) => [id, current, name])
        const sessions = this.#model.sessionsOf(access.sub)
        deepStrictEqual(
          listed,
          sessions.map(({ sid, name }) => [sid, sid === access.sid, name])
        )
        return
      }
      case 'remove':
        return this.#remove(step)
      case 'rotate the secrets':
        return this.#rotateSecrets(step.process)
      case 'replica lags': {
        const snapshot = await takeSnapshot(this.#storeUnderTest)
        if (snapshot) this.#replica = { model: structuredClone(this.#model.store), snapshot }
        return
      }
      case 'fail over': {
        if (!this.#replica) return
        await restoreSnapshot(this.#storeUnderTest, this.#replica.snapshot)
        this.#model.store = this.#replica.model
        this.#replica = null
        return
      }
      case 'wait': {
        await this.#storeUnderTest.advance(step.ms)
        mock.timers.setTime(this.#storeUnderTest.clock.nowMs)
        this.#model.now += step.ms * 1000
      }
    }
  }

  async #login({ process, transport, user, replaces, isBound }: Step & { do: 'login' }): Promise<void> {
    const sub = ['ada', 'grace'][user] as string
    const token = replaces === null ? undefined : this.#token(replaces)
    const headers = isBound ? proofOf(OWN, '/login') : {}
    const response = await this.#post(process, '/login', transport, token?.text, { sub }, headers)
    equal(response.statusCode, 200)
    const text = refreshTokenOf(response, transport)
    const parsed = this.#process(process).codec.parse(text as string)
    if (!parsed) throw new Error('the login returned no valid token')
    const { sid, family, jkt } = parsed
    equal(jkt !== null, isBound)
    // Without the key, a login leaves a bound session unchanged.
    const isReplaced = token && this.#isValid(process, token) && (token.jkt === null || isBound)
    const replaced = isReplaced ? [token.sid] : []
    const evicted = this.#model.login(sid, sub, replaced, isBound)
    this.#expected.push(['login', sid])
    for (const [old, revocation] of evicted) this.#recordRevocation(process, old, revocation)
    for (const old of replaced) this.#revokePresented(process, old, 'replaced')
    this.#checkIssued(process, response, transport, { sid, family, jkt, gen: 1, copy: 0 }, sub)
    // Two logins in the same microsecond have no defined order.
    await this.#do({ do: 'wait', ms: 1 })
  }

  async #refresh(step: Step & { do: 'refresh' }): Promise<void> {
    const { process, transport, token: number, ahead } = step
    const token = this.#token(number)
    if (!token) return
    const { codec } = this.#process(process)
    const gen = token.gen + ahead
    const text = ahead === 0 ? token.text : codec.issue(token.family, gen, token.copy, token.jkt)
    const headers = token.jkt === null ? {} : PROOFS[step.proof]()
    const send = (process: number) => this.#post(process, '/refresh', transport, text, {}, headers)
    const response = await send(process)
    if (!codec.parse(text)) {
      equal(this.#isValid(process, token), false, 'only a token of an unknown secret is invalid')
      return expectRejected(response, 'FRT_ERR_REFRESH_TOKEN_INVALID')
    }

    // Row 0: an attacker without the key changes nothing.
    if (token.jkt !== null && step.proof !== 'own')
      return expectRejected(
        response,
        step.proof === 'none' ? 'FRT_ERR_PROOF_REQUIRED' : 'FRT_ERR_PROOF_KEY_MISMATCH'
      )

    const { sid, family, jkt, copy } = token
    const decision = this.#model.refresh(sid, gen, copy, this.#processState(process).revocations.get(sid))
    const row = 'row' in decision ? decision.row : decision.outcome === 'revoked' ? 1 : 2
    this.#rows.set(row, (this.#rows.get(row) ?? 0) + 1)
    switch (decision.outcome) {
      case 'unknown':
        return expectRejected(response, 'FRT_ERR_REFRESH_TOKEN_EXPIRED')
      case 'revoked': {
        const code = decision.reason === 'reuse' ? 'REFRESH_TOKEN_REUSED' : 'SESSION_REVOKED'
        return expectRejected(response, `FRT_ERR_${code}`)
      }
      case 'conflict': {
        const seconds = Math.ceil(decision.retryAfter / 1_000_000)
        equal(response.headers['retry-after'], String(seconds))
        return expectRejected(response, 'FRT_ERR_REFRESH_CONFLICT', 503)
      }
      case 'reuse':
      case 'rollback': {
        const revocation = this.#model.revoke(sid, decision.outcome) as Revocation
        const { revocations, settled } = this.#processState(process)
        revocations.set(sid, revocation)
        settled.add(sid)
        this.#expected.push(['reuse', sid, decision.outcome, decision.row])
        const code = decision.outcome === 'reuse' ? 'REFRESH_TOKEN_REUSED' : 'SESSION_REVOKED'
        return expectRejected(response, `FRT_ERR_${code}`)
      }
      default: {
        const { outcome } = decision
        equal(response.statusCode, 200, `row ${row}: ${response.body}`)
        this.#expected.push(['refresh', sid, decision.gen, outcome, row, row > 4 && outcome === 'rotated'])
        const sub = this.#model.activeSession(sid)?.sub as string
        const issued = { sid, family, jkt, gen: decision.gen, copy: decision.copy }
        if (row === 7) this.#processState(process).confirmed.delete(sid)
        if (row === 3 && transport === 'cookie') equal(response.headers['set-cookie'], undefined)
        this.#checkIssued(process, response, transport, issued, sub)
        if (jkt !== null && step.isCaptured) await this.#replay(send, 1 - process, token)
      }
    }
  }

  /** A captured request that is sent to the other process changes nothing. */
  async #replay(
    send: (process: number) => Promise<LightMyRequestResponse>,
    process: number,
    token: IssuedRefreshToken
  ): Promise<void> {
    if (!this.#isValid(process, token) || this.#processState(process).revocations.has(token.sid)) return
    expectRejected(await send(process), 'FRT_ERR_PROOF_INVALID')
  }

  async #logout({
    process,
    transport,
    token: number,
    access: other
  }: Step & { do: 'logout' }): Promise<void> {
    const token = number === null ? undefined : this.#token(number)
    const access = other === null ? undefined : this.#access(other)
    const headers = {
      ...(access && { authorization: `Bearer ${access.text}` }),
      ...(token && token.jkt !== null && proofOf(OWN, '/logout'))
    }
    const response = await this.#post(process, '/logout', transport, token?.text, {}, headers)
    equal(response.statusCode, 200)
    deepStrictEqual(response.json(), {})
    const sids = new Set([
      ...(token && this.#isValid(process, token) ? [token.sid] : []),
      ...(access && this.#isSigned(process, access) ? [access.sid] : [])
    ])
    for (const sid of sids) this.#revokePresented(process, sid, 'logout')
  }

  async #remove({ process, access, token }: Step & { do: 'remove' }): Promise<void> {
    const sid = await this.#changeSession(process, access, token, 'DELETE')
    if (sid !== null) this.#revoke(process, sid, 'revoked')
  }

  async #rename({ process, access, token, name }: Step & { do: 'rename' }): Promise<void> {
    const sid = await this.#changeSession(process, access, token, 'PATCH', { name })
    const session = sid === null ? undefined : this.#model.activeSession(sid)
    if (session) session.name = name
  }

  /** Changes the session of a token on behalf of a user. Returns its id, or `null` if it is not one of the user. */
  async #changeSession(
    process: number,
    access: number,
    token: number,
    method: 'DELETE' | 'PATCH',
    payload?: object
  ): Promise<string | null> {
    const [user, changed] = [this.#access(access), this.#token(token)]
    if (!user || !changed) return null
    const isOwn = () => this.#model.activeSession(changed.sid)?.sub === user.sub
    const statusOf = () => (isOwn() ? 200 : 404)
    const path = `/auth/sessions/${changed.sid}`
    const response = await this.#guarded(process, user, method, path, { statusOf, payload })
    return response?.statusCode === 200 ? changed.sid : null
  }

  /** Restarts a process with the secrets of the next phase, if all processes have reached the current one. */
  #rotateSecrets(process: number): void {
    const phase = this.#phases[process] as number
    const isNext = phase <= Math.min(...this.#phases) && phase + 1 < PHASES.length
    if (!isNext) return
    this.#phases[process] = phase + 1
    this.#processStates[process] = newProcessState()
  }

  /** Sends a request with an access token. Returns the response, or `null` if the guard must reject the request. */
  async #guarded(
    process: number,
    access: IssuedAccessToken,
    method: 'GET' | 'POST' | 'DELETE' | 'PATCH',
    url: string,
    { statusOf = () => 200, payload }: { statusOf?: () => number; payload?: object | undefined } = {}
  ): Promise<LightMyRequestResponse | null> {
    const headers = { authorization: `Bearer ${access.text}` }
    const request = { method, url, headers, ...(payload && { payload }) }
    const response = await this.#process(process).app.inject(request)
    const code = this.#expectedGuardError(process, access)
    if (code) {
      expectRejected(response, code)
      return null
    }
    const { confirmed } = this.#processState(process)
    // Each process confirms a generation in the store once.
    if (access.gen > (confirmed.get(access.sid) ?? 1)) {
      confirmed.set(access.sid, access.gen)
      this.#model.confirm(access.sid, access.gen)
    }
    equal(response.statusCode, statusOf(), response.body)
    return response
  }

  #expectedGuardError(process: number, access: IssuedAccessToken): string | null {
    if (!this.#isSigned(process, access)) return 'FRT_ERR_ACCESS_TOKEN_INVALID'
    if (this.#storeUnderTest.clock.nowMs >= access.exp * 1000) return 'FRT_ERR_ACCESS_TOKEN_EXPIRED'
    const isKnown = this.#processState(process).revocations.has(access.sid)
    return isKnown || !this.#model.activeSession(access.sid) ? 'FRT_ERR_SESSION_REVOKED' : null
  }

  /** Revokes the session of a presented token, unless the process has done so. */
  #revokePresented(process: number, sid: string, reason: string): void {
    if (!this.#processState(process).settled.has(sid)) this.#revoke(process, sid, reason)
  }

  /** Revokes a session on behalf of a process, even if the session does not exist. */
  #revoke(process: number, sid: string, reason: string): void {
    const { revocations, settled } = this.#processState(process)
    settled.add(sid)
    const revocation = this.#model.revoke(sid, reason)
    if (revocation) this.#recordRevocation(process, sid, revocation)
    else if (!revocations.has(sid)) revocations.set(sid, { reason, until: 0 })
  }

  #recordRevocation(process: number, sid: string, revocation: Revocation): void {
    this.#processState(process).revocations.set(sid, revocation)
    this.#expected.push(['logout', sid, revocation.reason])
  }

  /** Compares the tokens of a response with those that the model predicts, and stores them for later steps. */
  #checkIssued(
    process: number,
    response: LightMyRequestResponse,
    transport: Transport,
    token: Omit<IssuedRefreshToken, 'text'>,
    sub: string
  ): void {
    const { codec, phase } = this.#process(process)
    const { sid, family, jkt, gen, copy } = token
    const text = refreshTokenOf(response, transport)
    if (text !== undefined) {
      equal(text, codec.issue(family, gen, copy, jkt), `generation ${gen}, copy ${copy}`)
      this.#tokens.push({ text, ...token })
    }
    const { access_token, expires_in } = response.json()
    const nowMs = this.#storeUnderTest.clock.nowMs
    const exp = Math.ceil((nowMs + ACCESS_TTL_MS) / 1000)
    equal(expires_in, Math.floor(exp - nowMs / 1000))
    this.#accessTokens.push({ text: access_token, sid, sub, gen, exp, phase })
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

  #processState(number: number): ProcessState {
    return this.#processStates[number] as ProcessState
  }

  #token(number: number): IssuedRefreshToken | undefined {
    return newest(this.#tokens, number)
  }

  #access(number: number): IssuedAccessToken | undefined {
    return newest(this.#accessTokens, number)
  }

  #isValid(process: number, { text }: IssuedRefreshToken): boolean {
    return this.#process(process).codec.parse(text) !== null
  }

  /** Returns whether the process has the secret that signed the token: the first secret of the phase of the signer. */
  #isSigned(process: number, { phase }: IssuedAccessToken): boolean {
    const secret = PHASES[phase]?.[0]
    return PHASES[this.#process(process).phase]?.some((own) => own === secret) ?? false
  }
}

/** The headers of a refresh by the client, by an attacker without a key, and by an attacker with another key. */
const PROOFS = {
  own: () => proofOf(OWN, '/refresh'),
  none: () => ({}),
  other: () => proofOf(OTHER, '/refresh')
}

function proofOf(key: ProofKeyPair, path: string): Record<string, string> {
  return { dpop: createProof(key, { method: 'POST', url: `http://localhost/auth${path}` }) }
}

function newProcessState(): ProcessState {
  return { revocations: new Map(), settled: new Set(), confirmed: new Map() }
}

function newest<T>(issued: readonly T[], number: number): T | undefined {
  return issued.at(-1 - (number % Math.max(1, issued.length)))
}

function expectRejected(response: LightMyRequestResponse, code: string, status = 401): void {
  equal(response.json().code, code)
  equal(response.statusCode, status)
  const changed = response.cookies.find(({ name }) => name === COOKIE)
  equal(changed, undefined, 'only a logout clears the cookie')
}

function refreshTokenOf(response: LightMyRequestResponse, transport: Transport): string | undefined {
  const cookie = response.cookies.find(({ name }) => name === COOKIE)?.value
  const { refresh_token: body } = response.json()
  equal(transport === 'cookie' ? body : cookie, undefined, 'the response uses the transport of the request')
  return transport === 'cookie' ? cookie : body
}

import { type Agent, request as send } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifetimes } from './lifetimes.js'

const COOKIE = '__Host-refresh_token'
/** Near the end of a lifetime both responses are correct, because the request was in flight. */
const EDGE_MS = 2500
const MAX_DEVICES = 3

export interface SoakResponse {
  /** When the request was sent. A lifetime starts between this time and the response. */
  sentMs: number
  status: number
  code: string | undefined
  body: Record<string, unknown>
  cookie: string | undefined
}

/** Counts operations and records unexpected responses. */
export class Tally {
  readonly counts = new Map<string, number>()
  readonly unexpected: string[] = []
  unexpectedCount = 0

  count(operation: string): void {
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1)
  }

  report(problem: string): void {
    this.unexpectedCount++
    if (this.unexpected.length < 10) this.unexpected.push(problem)
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** A device that is logged in. */
interface Device {
  refreshToken: string
  accessToken: string
  /** The earliest and latest time at which the access token expires. */
  expiresMs: number
  latestMs: number
  /** The earliest end of the session. */
  endsMs: number
  usedMs: number
}

export interface UserEnvironment {
  port: number
  agent: Agent
  tally: Tally
  lifetimes: Lifetimes
  random: () => number
}

/**
 * A user with up to three devices who sends one request at a time, so that the expected response is known.
 */
export class User {
  readonly #environment: UserEnvironment
  readonly #name: string
  #userNumber = 0
  #devices: Device[] = []
  /** Devices without a logout. Their sessions expire. */
  #abandoned: Device[] = []

  constructor(name: string, environment: UserEnvironment) {
    this.#name = name
    this.#environment = environment
  }

  get #sub(): string {
    return `${this.#name}.${this.#userNumber}`
  }

  /** Runs one random operation. */
  async act(): Promise<void> {
    const device = this.#pick()
    if (!device) return this.#login()
    const draw = this.#environment.random() * 100
    if (draw < 55) return this.#call(device)
    if (draw < 75) return this.#refresh(device)
    if (draw < 80) return this.#loseResponse(device)
    if (draw < 82) return this.#presentStolenToken(device)
    if (draw < 88) return this.#list(device)
    if (draw < 92) return this.#logout(device)
    if (draw < 93) return this.#logoutAll(device)
    if (draw < 95) return this.#revokeAnother(device)
    if (draw < 97) return this.#abandon(device)
    return this.#login()
  }

  #pick(): Device | undefined {
    return this.#devices[Math.floor(this.#environment.random() * this.#devices.length)]
  }

  async #login(): Promise<void> {
    if (this.#devices.length >= MAX_DEVICES) return
    const response = await this.#send('login', 'POST', '/auth/login', { json: { sub: this.#sub } })
    if (!this.#check(response, 'login', 200)) return
    const endsMs = response.sentMs + this.#environment.lifetimes.session * 1000
    const device = { refreshToken: '', accessToken: '', expiresMs: 0, latestMs: 0, usedMs: 0, endsMs }
    this.#storeTokens(device, response)
    this.#devices.push(device)
  }

  async #call(device: Device): Promise<void> {
    const { accessToken } = device
    const response = await this.#send('call', 'GET', '/me', { accessToken })
    if (this.#isExpired(device, response)) return this.#refresh(device)
    if (!this.#check(response, 'call', 200)) return
    if (response.sentMs > device.latestMs + EDGE_MS)
      this.#environment.tally.report('an expired access token was accepted')
    if (response.body.sub !== this.#sub)
      this.#environment.tally.report('the access token belongs to another user')
  }

  async #refresh(device: Device): Promise<void> {
    const response = await this.#present('refresh', device.refreshToken)
    this.#refreshed(device, response, 'refresh')
  }

  async #loseResponse(device: Device): Promise<void> {
    const lost = await this.#present('refresh, response lost', device.refreshToken)
    if (!this.#refreshed({ ...device }, lost, 'refresh, response lost', device)) return
    const again = await this.#present('refresh, again', device.refreshToken)
    this.#refreshed(device, again, 'refresh, again')
  }

  /** Presents a retired token as an attacker does. The session must be revoked for both parties. */
  async #presentStolenToken(device: Device): Promise<void> {
    const retired = device.refreshToken
    const { lifetimes, tally } = this.#environment
    if (device.endsMs - Date.now() < (4 * lifetimes.grace + 1) * 1000 + EDGE_MS) return
    const refreshed = await this.#present('refresh before reuse', retired)
    if (!this.#refreshed(device, refreshed, 'refresh before reuse')) return
    // The generation was in its cooldown, so that no token was rotated.
    if (device.refreshToken === retired) return
    // Presenting the new token confirms it. Three grace periods later its parent is reuse.
    const confirmed = await this.#present('refresh before reuse', device.refreshToken)
    if (!this.#refreshed(device, confirmed, 'refresh before reuse')) return
    await sleep(3 * lifetimes.grace * 1000 + 200)
    this.#drop(device)
    this.#check(await this.#present('reuse', retired), 'reuse', 401, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    const own = await this.#present('refresh after reuse', device.refreshToken)
    this.#check(own, 'refresh after reuse', 401, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    await this.#checkRejected(device, 'call after reuse')
    tally.count('session revoked for reuse')
  }

  async #list(device: Device): Promise<void> {
    if (!(await this.#hasFreshAccess(device))) return
    const response = await this.#send('list', 'GET', '/auth/sessions', { accessToken: device.accessToken })
    if (this.#isExpired(device, response)) return
    if (!this.#check(response, 'list', 200)) return
    const sessions = response.body.sessions as { current: boolean }[]
    if (sessions.filter(({ current }) => current).length !== 1) {
      this.#environment.tally.report(`list: no current session among ${sessions.length}`)
    }
    const known = this.#devices.length + this.#abandoned.length
    if (sessions.length > known) this.#environment.tally.report(`list: ${sessions.length}, not ${known}`)
  }

  async #logout(device: Device): Promise<void> {
    this.#drop(device)
    const { refreshToken, accessToken } = device
    const response = await this.#send('logout', 'POST', '/auth/logout', { refreshToken, accessToken })
    if (!this.#check(response, 'logout', 200)) return
    await this.#checkRejected(device, 'call after logout')
    const refreshed = await this.#present('refresh after logout', refreshToken)
    if (refreshed.code !== 'FRT_ERR_REFRESH_TOKEN_EXPIRED' || !this.#isNearItsEnd(device)) {
      this.#check(refreshed, 'refresh after logout', 401, 'FRT_ERR_SESSION_REVOKED')
    }
  }

  async #logoutAll(device: Device): Promise<void> {
    if (!(await this.#hasFreshAccess(device))) return
    const { accessToken } = device
    const response = await this.#send('logout-all', 'POST', '/auth/logout-all', { accessToken })
    if (this.#isExpired(device, response)) return
    if (!this.#check(response, 'logout-all', 200)) return
    const known = this.#devices.length + this.#abandoned.length
    const revoked = Number(response.body.revoked)
    if (!(revoked >= 1 && revoked <= known)) {
      this.#environment.tally.report(`logout-all: ${revoked} of ${known}`)
    }
    for (const other of this.#devices) await this.#checkRejected(other, 'call after logout-all')
    this.#devices = []
    this.#abandoned = []
    // Continues as a new user.
    this.#userNumber++
  }

  async #revokeAnother(device: Device): Promise<void> {
    const other = this.#devices.find((candidate) => candidate !== device)
    if (!other || this.#isNearItsEnd(other) || !(await this.#hasFreshAccess(device))) return
    const { sid } = JSON.parse(Buffer.from(other.accessToken.split('.')[1] ?? '', 'base64url').toString())
    const { accessToken } = device
    const response = await this.#send('revoke another', 'DELETE', `/auth/sessions/${sid}`, { accessToken })
    if (this.#isExpired(device, response)) return
    this.#drop(other)
    if (this.#check(response, 'revoke another', 200))
      await this.#checkRejected(other, 'call after its revocation')
  }

  async #abandon(device: Device): Promise<void> {
    this.#drop(device)
    this.#abandoned.push(device)
    const nowMs = Date.now()
    this.#abandoned = this.#abandoned.filter(({ endsMs }) => endsMs + EDGE_MS > nowMs)
    this.#environment.tally.count('abandon')
  }

  #drop(device: Device): void {
    this.#devices = this.#devices.filter((candidate) => candidate !== device)
  }

  #isNearItsEnd({ endsMs, usedMs }: Device): boolean {
    const idleEndMs = usedMs + this.#environment.lifetimes.idle * 1000
    return Math.min(endsMs, idleEndMs) - EDGE_MS < Date.now()
  }

  async #hasFreshAccess(device: Device): Promise<boolean> {
    if (device.expiresMs - Date.now() < EDGE_MS) await this.#refresh(device)
    return this.#devices.includes(device) && device.expiresMs - Date.now() > EDGE_MS
  }

  /** Returns `true` if the token was rejected as expired and may have expired. */
  #isExpired(device: Device, { code }: SoakResponse): boolean {
    return code === 'FRT_ERR_ACCESS_TOKEN_EXPIRED' && device.expiresMs - Date.now() < EDGE_MS
  }

  async #checkRejected(device: Device, what: string): Promise<void> {
    const response = await this.#send(what, 'GET', '/me', { accessToken: device.accessToken })
    if (!this.#isExpired(device, response)) this.#check(response, what, 401, 'FRT_ERR_SESSION_REVOKED')
  }

  #present(what: string, refreshToken: string): Promise<SoakResponse> {
    return this.#send(what, 'POST', '/auth/refresh', { refreshToken })
  }

  /** @param owner the device of the session, if `device` is a copy that is discarded */
  #refreshed(device: Device, response: SoakResponse, what: string, owner = device): boolean {
    if (response.code === 'FRT_ERR_REFRESH_TOKEN_EXPIRED' && this.#isNearItsEnd(owner)) {
      this.#drop(owner)
      this.#environment.tally.count('session expired')
      return false
    }
    if (!this.#check(response, what, 200)) {
      this.#drop(owner)
      return false
    }
    this.#storeTokens(device, response)
    owner.usedMs = response.sentMs
    return true
  }

  #storeTokens(device: Device, { body, cookie, sentMs }: SoakResponse): void {
    const lifetimeMs = Number(body.expires_in) * 1000
    device.accessToken = String(body.access_token)
    device.expiresMs = sentMs + lifetimeMs
    device.latestMs = Date.now() + lifetimeMs
    device.usedMs = sentMs
    if (cookie) device.refreshToken = cookie
  }

  #check(response: SoakResponse, what: string, status: number, code?: string): boolean {
    if (response.status === status && response.code === code) return true
    const { code: given, status: got } = response
    this.#environment.tally.report(`${what}: ${got} ${given ?? ''}, not ${status} ${code ?? ''}`)
    return false
  }

  async #send(
    what: string,
    method: string,
    path: string,
    { json, refreshToken, accessToken }: { json?: object; refreshToken?: string; accessToken?: string }
  ): Promise<SoakResponse> {
    const { agent, port, tally } = this.#environment
    tally.count(what)
    const sentMs = Date.now()
    const headers = {
      'user-agent': 'soak',
      ...(json && { 'content-type': 'application/json' }),
      ...(refreshToken && { cookie: `${COOKIE}=${refreshToken}` }),
      ...(accessToken && { authorization: `Bearer ${accessToken}` })
    }
    return new Promise((resolve, reject) => {
      const request = send({ agent, port, host: '127.0.0.1', method, path, headers, timeout: 30_000 })
      request.on('timeout', () => request.destroy(new Error(`${what}: no response within 30 s`)))
      request.on('error', reject)
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => {
          const body = JSON.parse(text)
          const [set = ''] = response.headers['set-cookie'] ?? []
          const cookie = new RegExp(`^${COOKIE}=([\\w-]+)`).exec(set)?.[1]
          resolve({ sentMs, status: response.statusCode ?? 0, code: body.code, body, cookie })
        })
      })
      request.end(json && JSON.stringify(json))
    })
  }
}

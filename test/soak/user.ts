import { type Agent, request as send } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lifetimes } from './lifetimes.js'

const COOKIE = '__Host-refresh_token'
/** About the end of a lifetime either answer is right: the request was under way. */
const EDGE_MS = 2500
const MAX_DEVICES = 3

export interface Answer {
  /** When it was asked: lifetimes begin between this and the answer, which a busy machine may hold up. */
  sentMs: number
  status: number
  code: string | undefined
  body: Record<string, unknown>
  cookie: string | undefined
}

/** What was done, how often; and what should not have happened. */
export class Tally {
  readonly counts = new Map<string, number>()
  readonly unexpected: string[] = []
  unexpectedCount = 0

  count(operation: string): void {
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1)
  }

  complain(what: string): void {
    this.unexpectedCount++
    if (this.unexpected.length < 10) this.unexpected.push(what)
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** A device that is logged in. */
interface Device {
  refreshToken: string
  accessToken: string
  /** When the access token expires: not before, and not after. */
  expiresMs: number
  latestMs: number
  /** Not before. */
  endsMs: number
  usedMs: number
}

export interface Surroundings {
  port: number
  agent: Agent
  tally: Tally
  lifetimes: Lifetimes
  random: () => number
}

/**
 * Somebody with up to three devices, who does one thing after another, over one connection; so what each
 * answer must be is known.
 */
export class User {
  readonly #around: Surroundings
  readonly #name: string
  #incarnation = 0
  #devices: Device[] = []
  /** Left behind without a logout: they end by themselves. */
  #abandoned: Device[] = []

  constructor(name: string, around: Surroundings) {
    this.#name = name
    this.#around = around
  }

  get #sub(): string {
    return `${this.#name}.${this.#incarnation}`
  }

  /** One thing that people do. */
  async act(): Promise<void> {
    const device = this.#pick()
    if (!device) return this.#login()
    const dice = this.#around.random() * 100
    if (dice < 55) return this.#call(device)
    if (dice < 75) return this.#refresh(device)
    if (dice < 80) return this.#loseAnswer(device)
    if (dice < 82) return this.#beRobbed(device)
    if (dice < 88) return this.#list(device)
    if (dice < 92) return this.#logout(device)
    if (dice < 93) return this.#logoutAll(device)
    if (dice < 95) return this.#endAnother(device)
    if (dice < 97) return this.#abandon(device)
    return this.#login()
  }

  #pick(): Device | undefined {
    return this.#devices[Math.floor(this.#around.random() * this.#devices.length)]
  }

  async #login(): Promise<void> {
    if (this.#devices.length >= MAX_DEVICES) return
    const answer = await this.#send('login', 'POST', '/auth/login', { json: { sub: this.#sub } })
    if (!this.#is(answer, 'login', 200)) return
    const endsMs = answer.sentMs + this.#around.lifetimes.session * 1000
    const device = { refreshToken: '', accessToken: '', expiresMs: 0, latestMs: 0, usedMs: 0, endsMs }
    this.#keep(device, answer)
    this.#devices.push(device)
  }

  async #call(device: Device): Promise<void> {
    const { accessToken } = device
    const answer = await this.#send('call', 'GET', '/me', { accessToken })
    if (this.#isExpired(device, answer)) return this.#refresh(device)
    if (!this.#is(answer, 'call', 200)) return
    if (answer.sentMs > device.latestMs + EDGE_MS)
      this.#around.tally.complain('an expired access token was let in')
    if (answer.body.sub !== this.#sub) this.#around.tally.complain('somebody else was let in')
  }

  async #refresh(device: Device): Promise<void> {
    const answer = await this.#present('refresh', device.refreshToken)
    this.#refreshed(device, answer, 'refresh')
  }

  async #loseAnswer(device: Device): Promise<void> {
    const lost = await this.#present('refresh, answer lost', device.refreshToken)
    if (!this.#refreshed({ ...device }, lost, 'refresh, answer lost', device)) return
    const again = await this.#present('refresh, again', device.refreshToken)
    this.#refreshed(device, again, 'refresh, again')
  }

  /** A thief uses a token that its owner has used before: the session ends for both. */
  async #beRobbed(device: Device): Promise<void> {
    const stolen = device.refreshToken
    const { lifetimes, tally } = this.#around
    if (device.endsMs - Date.now() < (3 * lifetimes.grace + 1) * 1000 + EDGE_MS) return
    const refreshed = await this.#present('refresh, robbed', stolen)
    if (!this.#refreshed(device, refreshed, 'refresh, robbed')) return
    // It rested: nothing was rotated, and nothing of it is retired.
    if (device.refreshToken === stolen) return
    // What is presented is confirmed: then its parent has a grace, and no more.
    const confirmed = await this.#present('refresh, robbed', device.refreshToken)
    if (!this.#refreshed(device, confirmed, 'refresh, robbed')) return
    await sleep(lifetimes.grace * 1000 + 200)
    this.#drop(device)
    this.#is(await this.#present('theft', stolen), 'theft', 401, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    const own = await this.#present('refresh after theft', device.refreshToken)
    this.#is(own, 'refresh after theft', 401, 'FRT_ERR_REFRESH_TOKEN_REUSED')
    await this.#isShutOut(device, 'call after theft')
    tally.count('session ended by theft')
  }

  async #list(device: Device): Promise<void> {
    if (!(await this.#hasFreshAccess(device))) return
    const answer = await this.#send('list', 'GET', '/auth/sessions', { accessToken: device.accessToken })
    if (this.#isExpired(device, answer)) return
    if (!this.#is(answer, 'list', 200)) return
    const sessions = answer.body.sessions as { current: boolean }[]
    if (sessions.filter(({ current }) => current).length !== 1) {
      this.#around.tally.complain(`list: no current session among ${sessions.length}`)
    }
    const known = this.#devices.length + this.#abandoned.length
    if (sessions.length > known) this.#around.tally.complain(`list: ${sessions.length}, not ${known}`)
  }

  async #logout(device: Device): Promise<void> {
    this.#drop(device)
    const { refreshToken, accessToken } = device
    const answer = await this.#send('logout', 'POST', '/auth/logout', { refreshToken, accessToken })
    if (!this.#is(answer, 'logout', 200)) return
    await this.#isShutOut(device, 'call after logout')
    const refreshed = await this.#present('refresh after logout', refreshToken)
    if (refreshed.code !== 'FRT_ERR_REFRESH_TOKEN_EXPIRED' || !this.#isAtItsEnd(device)) {
      this.#is(refreshed, 'refresh after logout', 401, 'FRT_ERR_SESSION_REVOKED')
    }
  }

  async #logoutAll(device: Device): Promise<void> {
    if (!(await this.#hasFreshAccess(device))) return
    const { accessToken } = device
    const answer = await this.#send('logout-all', 'POST', '/auth/logout-all', { accessToken })
    if (this.#isExpired(device, answer)) return
    if (!this.#is(answer, 'logout-all', 200)) return
    const known = this.#devices.length + this.#abandoned.length
    const revoked = Number(answer.body.revoked)
    if (!(revoked >= 1 && revoked <= known)) {
      this.#around.tally.complain(`logout-all: ${revoked} of ${known}`)
    }
    for (const each of this.#devices) await this.#isShutOut(each, 'call after logout-all')
    this.#devices = []
    this.#abandoned = []
    // Somebody whom the server has never seen comes instead.
    this.#incarnation++
  }

  async #endAnother(device: Device): Promise<void> {
    const other = this.#devices.find((each) => each !== device)
    if (!other || this.#isAtItsEnd(other) || !(await this.#hasFreshAccess(device))) return
    const { sid } = JSON.parse(Buffer.from(other.accessToken.split('.')[1] ?? '', 'base64url').toString())
    const { accessToken } = device
    const answer = await this.#send('end another', 'DELETE', `/auth/sessions/${sid}`, { accessToken })
    if (this.#isExpired(device, answer)) return
    this.#drop(other)
    if (this.#is(answer, 'end another', 200)) await this.#isShutOut(other, 'call after its end')
  }

  async #abandon(device: Device): Promise<void> {
    this.#drop(device)
    this.#abandoned.push(device)
    const nowMs = Date.now()
    this.#abandoned = this.#abandoned.filter(({ endsMs }) => endsMs + EDGE_MS > nowMs)
    this.#around.tally.count('abandon')
  }

  #drop(device: Device): void {
    this.#devices = this.#devices.filter((each) => each !== device)
  }

  #isAtItsEnd({ endsMs, usedMs }: Device): boolean {
    const idleEndMs = usedMs + this.#around.lifetimes.idle * 1000
    return Math.min(endsMs, idleEndMs) - EDGE_MS < Date.now()
  }

  async #hasFreshAccess(device: Device): Promise<boolean> {
    if (device.expiresMs - Date.now() < EDGE_MS) await this.#refresh(device)
    return this.#devices.includes(device) && device.expiresMs - Date.now() > EDGE_MS
  }

  /** Refused for its age, and old enough for it. */
  #isExpired(device: Device, { code }: Answer): boolean {
    return code === 'FRT_ERR_ACCESS_TOKEN_EXPIRED' && device.expiresMs - Date.now() < EDGE_MS
  }

  async #isShutOut(device: Device, what: string): Promise<void> {
    const answer = await this.#send(what, 'GET', '/me', { accessToken: device.accessToken })
    if (!this.#isExpired(device, answer)) this.#is(answer, what, 401, 'FRT_ERR_SESSION_REVOKED')
  }

  #present(what: string, refreshToken: string): Promise<Answer> {
    return this.#send(what, 'POST', '/auth/refresh', { refreshToken })
  }

  /** @param owner the device, where what is kept is thrown away */
  #refreshed(device: Device, answer: Answer, what: string, owner = device): boolean {
    if (answer.code === 'FRT_ERR_REFRESH_TOKEN_EXPIRED' && this.#isAtItsEnd(owner)) {
      this.#drop(owner)
      this.#around.tally.count('session over')
      return false
    }
    if (!this.#is(answer, what, 200)) {
      this.#drop(owner)
      return false
    }
    this.#keep(device, answer)
    owner.usedMs = answer.sentMs
    return true
  }

  #keep(device: Device, { body, cookie, sentMs }: Answer): void {
    const lifetimeMs = Number(body.expires_in) * 1000
    device.accessToken = String(body.access_token)
    device.expiresMs = sentMs + lifetimeMs
    device.latestMs = Date.now() + lifetimeMs
    device.usedMs = sentMs
    if (cookie) device.refreshToken = cookie
  }

  #is(answer: Answer, what: string, status: number, code?: string): boolean {
    if (answer.status === status && answer.code === code) return true
    const { code: given, status: got } = answer
    this.#around.tally.complain(`${what}: ${got} ${given ?? ''}, not ${status} ${code ?? ''}`)
    return false
  }

  async #send(
    what: string,
    method: string,
    path: string,
    { json, refreshToken, accessToken }: { json?: object; refreshToken?: string; accessToken?: string }
  ): Promise<Answer> {
    const { agent, port, tally } = this.#around
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
      request.on('timeout', () => request.destroy(new Error(`${what}: no answer within 30 s`)))
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

import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Transport } from '../../lib/index.js'

export interface ClientOptions {
  transport?: Transport
  /** Where the refresh token travels: the cookie's name, or the header's. */
  carrier?: string
  /** The access token's header, on requests. */
  accessHeader?: string
  prefix?: string
}

/**
 * A client of the app: it keeps its tokens in a jar, and sends what is in it. Two clients that share a
 * jar are two tabs of a browser.
 */
export class Client {
  readonly app: FastifyInstance
  readonly options: Required<ClientOptions>
  readonly jar: Jar

  constructor(app: FastifyInstance, options: ClientOptions = {}, jar = new Jar()) {
    const transport = options.transport ?? 'cookie'
    this.app = app
    this.jar = jar
    this.options = {
      transport,
      carrier: transport === 'header' ? 'x-refresh-token' : '__Host-refresh_token',
      accessHeader: 'authorization',
      prefix: '/auth',
      ...options
    }
  }

  /** Another client, with what this one has in its jar now. */
  copy(): Client {
    return new Client(this.app, this.options, this.jar.copy())
  }

  async login(identity: object = { sub: 'ada' }): Promise<LightMyRequestResponse> {
    const response = await this.post('/login', identity)
    this.jar.keep(response, this.options)
    return response
  }

  async refresh(): Promise<LightMyRequestResponse> {
    const response = await this.loseAnswer()
    this.jar.keep(response, this.options)
    return response
  }

  /** A refresh whose answer never reaches the jar. */
  async loseAnswer(): Promise<LightMyRequestResponse> {
    return this.post('/refresh')
  }

  async logout(): Promise<LightMyRequestResponse> {
    const response = await this.post('/logout')
    this.jar.keep(response, this.options)
    return response
  }

  /** Calls a guarded route. */
  async call(url = '/me'): Promise<LightMyRequestResponse> {
    return this.app.inject({ url, headers: this.accessHeaders() })
  }

  accessHeaders(): Record<string, string> {
    const { accessHeader } = this.options
    if (this.jar.accessToken === undefined) return {}
    const scheme = accessHeader === 'authorization' ? 'Bearer ' : ''
    return { [accessHeader]: `${scheme}${this.jar.accessToken}` }
  }

  async post(path: string, body?: object): Promise<LightMyRequestResponse> {
    const { transport, carrier, prefix } = this.options
    const token = this.jar.refreshToken
    const headers: Record<string, string> = {}
    let payload = body
    if (token !== undefined && transport === 'cookie') headers.cookie = `${carrier}=${token}`
    if (token !== undefined && transport === 'header') headers[carrier] = token
    if (token !== undefined && transport === 'body') payload = { ...body, refresh_token: token }
    return this.app.inject({ method: 'POST', url: prefix + path, headers, ...(payload && { payload }) })
  }
}

export class Jar {
  accessToken: string | undefined
  refreshToken: string | undefined

  copy(): Jar {
    return Object.assign(new Jar(), this)
  }

  /** Takes from an answer what a client of that transport would. */
  keep(response: LightMyRequestResponse, { transport, carrier }: Required<ClientOptions>): void {
    if (response.statusCode >= 400) return
    const body = response.json()
    this.accessToken = body.access_token
    if (transport === 'body') this.refreshToken = body.refresh_token
    if (transport === 'header') this.refreshToken = response.headers[carrier] as string | undefined
    if (transport === 'cookie') {
      const cookie = response.cookies.find(({ name }) => name === carrier)
      if (cookie) this.refreshToken = cookie.value || undefined
    }
  }
}

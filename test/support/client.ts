import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { Transport } from '../../lib/index.js'
import { createProof, type ProofKeyPair } from '../../lib/testing/index.js'

export interface ClientOptions {
  transport?: Transport
  /** The name of the cookie or header with the refresh token. */
  tokenName?: string
  /** The request header of the access token. */
  accessHeader?: string
  prefix?: string
  /** Sends a proof of this key with each request to the routes of the plugin. */
  key?: ProofKeyPair | null
}

/**
 * A client of an application. It stores its tokens in a jar and sends them. Two clients that share a jar are two tabs
 * of one browser.
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
      tokenName: transport === 'header' ? 'x-refresh-token' : '__Host-refresh_token',
      accessHeader: 'authorization',
      prefix: '/auth',
      key: null,
      ...options
    }
  }

  /** Returns another client with a copy of the current tokens. */
  copy(): Client {
    return new Client(this.app, this.options, this.jar.copy())
  }

  async login(identity: object = { sub: 'ada' }): Promise<LightMyRequestResponse> {
    const response = await this.post('/login', identity)
    this.jar.store(response, this.options)
    return response
  }

  async refresh(): Promise<LightMyRequestResponse> {
    const response = await this.loseResponse()
    this.jar.store(response, this.options)
    return response
  }

  /** Refreshes without storing the response, as if it was lost. */
  async loseResponse(): Promise<LightMyRequestResponse> {
    return this.post('/refresh')
  }

  async logout(): Promise<LightMyRequestResponse> {
    const response = await this.post('/logout')
    this.jar.store(response, this.options)
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
    const { transport, tokenName, prefix, key } = this.options
    const token = this.jar.refreshToken
    const headers: Record<string, string> = {}
    let payload = body
    if (key)
      headers.dpop = createProof(key, {
        method: 'POST',
        url: `http://localhost${prefix}${path}`,
        nonce: this.jar.nonce
      })
    if (token !== undefined && transport === 'cookie') headers.cookie = `${tokenName}=${token}`
    if (token !== undefined && transport === 'header') headers[tokenName] = token
    if (token !== undefined && transport === 'body') payload = { ...body, refresh_token: token }
    const response = await this.app.inject({
      method: 'POST',
      url: prefix + path,
      headers,
      ...(payload && { payload })
    })
    this.jar.nonce = (response.headers['dpop-nonce'] as string | undefined) ?? this.jar.nonce
    return response
  }
}

export class Jar {
  accessToken: string | undefined
  refreshToken: string | undefined
  /** The nonce for proofs. */
  nonce: string | undefined

  copy(): Jar {
    return Object.assign(new Jar(), this)
  }

  /** Stores the tokens of a response, as a client of this transport does. */
  store(response: LightMyRequestResponse, { transport, tokenName }: Required<ClientOptions>): void {
    if (response.statusCode >= 400) return
    const body = response.json()
    this.accessToken = body.access_token
    if (transport === 'body') this.refreshToken = body.refresh_token
    if (transport === 'header') this.refreshToken = response.headers[tokenName] as string | undefined
    if (transport === 'cookie') {
      const cookie = response.cookies.find(({ name }) => name === tokenName)
      if (cookie) this.refreshToken = cookie.value || undefined
    }
  }
}

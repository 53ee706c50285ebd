import type { FastifyInstance } from 'fastify'

export interface AttackResult {
  status: number
  code: string | null
}

/** A simulated attacker. The copied cookies stay on the server. */
export class Attacker {
  readonly #cookies = new Map<string, string>()

  copy(sid: string, cookie: string): void {
    this.#cookies.set(sid, cookie)
  }

  forget(sid: string): void {
    this.#cookies.delete(sid)
  }

  /**
   * Refreshes with the copied cookie.
   * @returns status and error code of the response, without the tokens. `null` if no cookie was copied
   */
  async refresh(app: FastifyInstance, sid: string): Promise<AttackResult | null> {
    const cookie = this.#cookies.get(sid)
    if (cookie === undefined) return null
    const headers = { cookie, 'user-agent': 'Attacker (simulated)' }
    const response = await app.inject({ method: 'POST', url: '/auth/refresh', headers })
    const [issued] = response.cookies
    if (issued) this.#cookies.set(sid, `${issued.name}=${issued.value}`)
    return { status: response.statusCode, code: response.json<{ code?: string }>().code ?? null }
  }
}

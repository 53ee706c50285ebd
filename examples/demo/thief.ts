import type { FastifyInstance } from 'fastify'

/** The thief's jar: copies of cookies, which stay on the server. */
export class Thief {
  readonly #jars = new Map<string, string>()

  copy(sid: string, cookie: string): void {
    this.#jars.set(sid, cookie)
  }

  forget(sid: string): void {
    this.#jars.delete(sid)
  }

  /** Refreshes with what he has: what he was answered, without the tokens. Null where he has nothing. */
  async refresh(app: FastifyInstance, sid: string): Promise<{ status: number; code: string | null } | null> {
    const cookie = this.#jars.get(sid)
    if (cookie === undefined) return null
    const headers = { cookie, 'user-agent': 'a thief' }
    const answer = await app.inject({ method: 'POST', url: '/auth/refresh', headers })
    const [issued] = answer.cookies
    if (issued) this.#jars.set(sid, `${issued.name}=${issued.value}`)
    return { status: answer.statusCode, code: answer.json<{ code?: string }>().code ?? null }
  }
}

import type { FastifyRequest } from 'fastify'
import type { Identity } from 'fastify-refresh-token'
import { hashPassword, verifyPassword } from '../passwords.js'

declare module 'fastify-refresh-token' {
  interface Claims {
    name?: string
    scope?: string
  }
}

const users = new Map([
  ['ada', { id: 'user-1', name: 'Ada', scope: 'admin', hash: await hashPassword('analytical engine') }],
  ['grace', { id: 'user-2', name: 'Grace', scope: '', hash: await hashPassword('nanoseconds') }]
])

export const credentialsSchema = {
  type: 'object',
  required: ['username', 'password'],
  properties: {
    username: { type: 'string', maxLength: 100 },
    password: { type: 'string', maxLength: 1000 }
  }
}

export async function login(request: FastifyRequest): Promise<Identity | null> {
  const { username, password } = request.body as { username: string; password: string }
  const user = users.get(username)
  if (!(await verifyPassword(password, user?.hash)) || !user) return null
  return { sub: user.id, claims: { name: user.name, scope: user.scope } }
}

import type { FastifyRequest } from 'fastify'
import type { Identity } from 'fastify-refresh-token'
import { verifyPassword } from './passwords.js'

declare module 'fastify-refresh-token' {
  interface Claims {
    name?: string
    scope?: string
  }
}

export interface Credentials {
  username: string
  password: string
}

/** Your users are in a database. The passwords are `analytical engine` and `nanoseconds`, hashed by `hashPassword`. */
const users = new Map([
  [
    'ada',
    {
      id: 'user-1',
      name: 'Ada',
      scope: 'admin',
      hash: 'scrypt$32768$8$3$PBfTiNWHOAxpVb1zf9kFfg$7Z2ymw4OxRHK1jZV08fgcJS4RF4jvvTWKbKyePg9IoM'
    }
  ],
  [
    'grace',
    {
      id: 'user-2',
      name: 'Grace',
      scope: '',
      hash: 'scrypt$32768$8$3$XPPFw7FTTDE999dJdt0zJw$WkXfMHrrkIBRdGZRgRZlLBmbOxSZjJxw43uXv4dJfBs'
    }
  ]
])

export const credentialsSchema = {
  type: 'object',
  required: ['username', 'password'],
  properties: {
    username: { type: 'string', maxLength: 100 },
    password: { type: 'string', maxLength: 1000 }
  }
}

/** Returns the identity of the user with these credentials, or `null` if they are wrong. */
export async function identify({ username, password }: Credentials): Promise<Identity | null> {
  const user = users.get(username)
  if (!(await verifyPassword(password, user?.hash)) || !user) return null
  return { sub: user.id, claims: { name: user.name, scope: user.scope } }
}

/** The `login` option of the plugin. */
export function login(request: FastifyRequest): Promise<Identity | null> {
  return identify(request.body as Credentials)
}

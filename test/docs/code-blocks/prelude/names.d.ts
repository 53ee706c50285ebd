/** What any page may assume: the names that its reader brings along. Only for the code blocks of the documentation. */

declare const app: import('fastify').FastifyInstance
declare const fastify: import('fastify').FastifyInstance
declare const redis: import('ioredis').Redis
declare const refreshToken: typeof import('fastify-refresh-token').default
declare const authenticate: typeof import('fastify-refresh-token').authenticate
declare const authorize: typeof import('fastify-refresh-token').authorize
declare const requireAuthentication: typeof import('fastify-refresh-token').requireAuthentication
declare const checkOrigin: typeof import('fastify-refresh-token').checkOrigin
declare const Fastify: typeof import('fastify').default

// Options as in the quick start.
declare const secret: string
declare const oldSecret: string
declare const newSecret: string
declare const login: NonNullable<import('fastify-refresh-token').FastifyRefreshTokenOptions['login']>
declare const staffLogin: typeof login

// The reader's own parts.
declare function showLoginForm(): void
interface User {
  id: string
  name: string
  roles: string[]
  disabled: boolean
}
declare const users: {
  find(id: string): Promise<User | null>
  verify(name: string, password: string): Promise<User | null>
  verifyCode(id: string, code: string): Promise<boolean>
  rename(id: string, name: string): Promise<User>
}
/** A queue. */
declare const alerts: { add(kind: string, alert: object): Promise<unknown> }
declare function isCodeOf(user: unknown, body: unknown): Promise<boolean>
declare function askForCode(): Promise<string>
/** Signed parameters `state` of an OAuth login. */
declare const states: { verify(state: unknown): { jkt?: string } }
declare const provider: { exchange(request: import('fastify').FastifyRequest): Promise<User> }

// Plugins, keys and tokens of the reader's own.
declare const cors: import('fastify').FastifyPluginAsync<{
  origin: string | string[]
  credentials?: boolean
  exposedHeaders?: string[]
}>
declare const rateLimit: import('fastify').FastifyPluginAsync<{ global: boolean }>
declare const loginBody: object
declare const validatorCompiler: import('fastify').FastifySchemaCompiler<never>
declare const vault: { readKeys(): Promise<import('fastify-refresh-token').AccessTokenKey[]> }
declare const token: string
declare const refresh_token: string
declare module 'expo-secure-store' {
  export function getItemAsync(key: string): Promise<string | null>
  export function setItemAsync(key: string, value: string): Promise<void>
  export function deleteItemAsync(key: string): Promise<void>
}

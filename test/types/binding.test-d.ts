import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { type FastifyRequest, fastify } from 'fastify'
import {
  type BindingMode,
  type BindingOptions,
  type DiagnosticsEvents,
  errorCodes,
  type FastifyRefreshTokenOptions,
  fastifyRefreshToken,
  type Identity,
  type ProofRefusedMessage,
  type RefreshOutcome,
  type Session,
  type UsedProof
} from 'fastify-refresh-token'
import {
  createProof,
  createTestSession,
  type ProofContent,
  type ProofKeyPair
} from 'fastify-refresh-token/testing'

const secret = 'x'.repeat(32)
const login = () => null

describe('the option binding', () => {
  test('is a group of options', () => {
    expectTypeOf<FastifyRefreshTokenOptions['binding']>().toEqualTypeOf<BindingOptions | undefined>()
    const app = fastify()
    app.register(fastifyRefreshToken, { secret, login, binding: {} })
    app.register(fastifyRefreshToken, {
      secret,
      login,
      binding: {
        mode: 'required',
        leeway: '30s',
        nonce: 'always',
        address: (request) => [`https://api.example.com${request.url}`],
        remember: 0
      }
    })
    // @ts-expect-error
    app.register(fastifyRefreshToken, { secret, login, binding: { mod: 'required' } })
    // @ts-expect-error
    app.register(fastifyRefreshToken, { secret, login, binding: 'required' })
  })

  test('has a mode, or a function of the request, which may be missing', () => {
    type Mode = BindingOptions['mode']
    expectTypeOf<BindingMode>().toEqualTypeOf<'off' | 'optional' | 'required'>()
    expectTypeOf<(request: FastifyRequest | null) => BindingMode>().toExtend<Mode>()
    expectTypeOf<() => 'off'>().toExtend<Mode>()
    expectTypeOf<(request: FastifyRequest) => BindingMode>().not.toExtend<Mode>()
    expectTypeOf<() => Promise<BindingMode>>().not.toExtend<Mode>()
    expectTypeOf<boolean>().not.toExtend<Mode>()
  })

  test('rejects values of other types', () => {
    expectTypeOf<Date>().not.toExtend<BindingOptions['leeway']>()
    expectTypeOf<'never'>().not.toExtend<BindingOptions['nonce']>()
    expectTypeOf<string>().not.toExtend<BindingOptions['address']>()
    expectTypeOf<() => URL>().not.toExtend<BindingOptions['address']>()
    expectTypeOf<() => readonly string[]>().toExtend<BindingOptions['address']>()
    expectTypeOf<boolean>().not.toExtend<BindingOptions['remember']>()
  })
})

describe('a bound session', () => {
  test('has a thumbprint', () => {
    expectTypeOf<Session['jkt']>().toEqualTypeOf<string | null>()
    expectTypeOf<{ sub: string; jkt: string }>().toExtend<Identity>()
    expectTypeOf<{ sub: string; jkt: undefined }>().toExtend<Identity>()
    expectTypeOf<{ sub: string; jkt: Buffer }>().not.toExtend<Identity>()
  })

  test('has codes for its errors', () => {
    expectTypeOf(errorCodes.ProofRequired).toBeString()
    expectTypeOf(errorCodes.ProofInvalid).toBeString()
    expectTypeOf(errorCodes.ProofNonce).toBeString()
    expectTypeOf(errorCodes.ProofKeyMismatch).toBeString()
  })

  test('has an event for a request without its key, with no user', () => {
    expectTypeOf<
      DiagnosticsEvents['fastify-refresh-token:proof-refused']
    >().toEqualTypeOf<ProofRefusedMessage>()
    expectTypeOf<ProofRefusedMessage>().toEqualTypeOf<{
      keyPrefix: string
      sid: string
      reason: 'required' | 'mismatch'
    }>()
  })

  test('has proofs that a store remembers', () => {
    expectTypeOf<UsedProof>().toEqualTypeOf<{ id: string; rememberMs: number; accessTtlMs: number }>()
    expectTypeOf<{ outcome: 'proof-used' }>().toExtend<RefreshOutcome>()
  })
})

describe('fastify-refresh-token/testing', () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  test('createProof takes a key pair of node:crypto, and a request', () => {
    expectTypeOf(key).toExtend<ProofKeyPair>()
    expectTypeOf<ProofContent>().toEqualTypeOf<{ method: string; url: string; nonce?: string | undefined }>()
    expectTypeOf(createProof(key, { method: 'POST', url: 'https://api.example.com/' })).toBeString()
    // @ts-expect-error
    createProof(key, { method: 'POST' })
    // @ts-expect-error
    createProof(key.privateKey, { method: 'POST', url: 'https://api.example.com/' })
  })

  test('createTestSession binds a session to a key', () => {
    createTestSession(fastify(), { sub: 'ada' }, { key, transport: 'body' })
    // @ts-expect-error
    createTestSession(fastify(), { sub: 'ada' }, { key: 'secret' })
  })
})

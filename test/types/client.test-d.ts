import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import {
  type Auth,
  type AuthFetch,
  bodyTransport,
  createAuth,
  createAuthFetch,
  createBoundKey,
  customKey,
  headerTransport,
  type Prove,
  type SessionEndReason,
  type SessionKey,
  type UnavailableError
} from 'fastify-refresh-token/client'

interface User {
  sub: string
  name: string
}

describe('client', () => {
  test('the reasons of onSessionEnd are a closed union, so that a misspelled one does not compile', () => {
    expectTypeOf<'user-changed'>().toExtend<SessionEndReason>()
    expectTypeOf<'FRT_ERR_REFRESH_TOKEN_REUSED'>().toExtend<SessionEndReason>()
    expectTypeOf<'FRT_ERR_PROOF_REQUIRED'>().toExtend<SessionEndReason>()
    expectTypeOf<'FRT_ERR_PROOF_KEY_MISMATCH'>().toExtend<SessionEndReason>()
    expectTypeOf<'FRT_ERR_PROOF_NONCE'>().not.toExtend<SessionEndReason>()
    expectTypeOf<'FRT_ERR_REFRESH_TOKEN_REUSE'>().not.toExtend<SessionEndReason>()
    expectTypeOf<string>().not.toExtend<SessionEndReason>()
  })

  test('the status of a snapshot narrows its user and its reason', () => {
    const auth: Auth<User> = createAuth<User>({ baseUrl: 'https://api.example.com' })
    const { status, user, reason } = auth.snapshot()
    if (status === 'authenticated') {
      expectTypeOf(user).toEqualTypeOf<User>()
      expectTypeOf(reason).toEqualTypeOf<'user-changed' | null>()
    } else if (status === 'anonymous') {
      expectTypeOf(user).toEqualTypeOf<null>()
      expectTypeOf(reason).toEqualTypeOf<Exclude<SessionEndReason, 'user-changed'>>()
    } else if (status === 'unavailable') {
      expectTypeOf(user).toEqualTypeOf<User | null>()
      expectTypeOf(reason).toEqualTypeOf<'FRT_ERR_CLIENT_UNAVAILABLE' | 'FRT_ERR_CLIENT_STORAGE'>()
    } else expectTypeOf(status).toEqualTypeOf<'unknown'>()
  })

  test('without a type argument, claims are unknown', () => {
    const { status, user } = createAuth({ baseUrl: '' }).snapshot()
    if (status !== 'authenticated') return
    expectTypeOf(user.sub).toEqualTypeOf<string>()
    expectTypeOf(user.name).toEqualTypeOf<unknown>()
  })

  test('the methods for an account page', () => {
    const auth: Auth = createAuth({ baseUrl: '' })
    expectTypeOf(auth.logoutAll).toEqualTypeOf<() => Promise<void>>()
    expectTypeOf(auth.logoutOthers).toEqualTypeOf<() => Promise<void>>()
    expectTypeOf(auth.adoptAccessToken).toEqualTypeOf<(body: unknown) => Promise<boolean>>()
    expectTypeOf<AuthFetch>().not.toHaveProperty('adoptAccessToken')
    expectTypeOf<UnavailableError['serverCode']>().toEqualTypeOf<string | undefined>()
  })

  test('fetch has a plain call signature, in both directions', () => {
    type Plain = (input: string | URL | Request, init?: RequestInit) => Promise<Response>
    expectTypeOf<AuthFetch['fetch']>().toEqualTypeOf<Plain>()
    const plain: Plain = async () => new Response()
    createAuthFetch({ baseUrl: '', fetch: plain })
    createAuthFetch({ baseUrl: '', fetch })
  })

  test('transports take a storage', () => {
    const storage = { get: () => null, set() {}, remove() {} }
    createAuthFetch({ baseUrl: '', transport: bodyTransport(storage, { storageTimeout: 1 }) })
    createAuthFetch({ baseUrl: '', transport: headerTransport(storage, { refreshTokenHeader: 'x' }) })
    // @ts-expect-error A storage is not a transport.
    createAuthFetch({ baseUrl: '', transport: storage })
    // @ts-expect-error It needs `remove`.
    bodyTransport({ get: () => null, set() {} })
  })

  test('a key is that of the browser, or a function that proves', () => {
    const prove: Prove = async (method, url, nonce) => {
      expectTypeOf(nonce).toEqualTypeOf<string | undefined>()
      return url ? method : null
    }
    expectTypeOf(createBoundKey('staff')).toEqualTypeOf<SessionKey>()
    createAuth({ baseUrl: '', key: createBoundKey() })
    createAuthFetch({ baseUrl: '', key: customKey(prove) })
    // @ts-expect-error A proof is a string.
    customKey(async () => 1)
    // @ts-expect-error A function is not a key.
    createAuthFetch({ baseUrl: '', key: prove })
  })
})

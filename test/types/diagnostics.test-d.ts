import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import type {
  DiagnosticsEvents,
  DiagnosticsOperations,
  FeedMessage,
  LoginMessage,
  RefreshMessage,
  RevokedMessage,
  StoreErrorMessage
} from 'fastify-refresh-token'

describe('the messages of the diagnostics channels', () => {
  test('have the type of their channel name', () => {
    expectTypeOf<DiagnosticsEvents['fastify-refresh-token:login']>().toEqualTypeOf<LoginMessage>()
    expectTypeOf<DiagnosticsEvents>().not.toHaveProperty('fastify-refresh-token:create')
    expectTypeOf<DiagnosticsOperations>().toHaveProperty('fastify-refresh-token:create')
  })

  test('contain user, session and decision', () => {
    expectTypeOf<LoginMessage>().toEqualTypeOf<{
      keyPrefix: string
      id: string
      sub: string
      sid: string
      gen: number
    }>()
    expectTypeOf<RefreshMessage['outcome']>().toEqualTypeOf<
      'rotated' | 'replayed' | 'conflict' | 'reused' | 'rolled-back'
    >()
    expectTypeOf<RevokedMessage['sids']>().toEqualTypeOf<string[]>()
    expectTypeOf<'rotate'>().toExtend<StoreErrorMessage['operation']>()
    expectTypeOf<'rotated'>().not.toExtend<StoreErrorMessage['operation']>()
  })

  test('of the feed have a reason after a failure', () => {
    expectTypeOf<FeedMessage['state']>().toEqualTypeOf<
      ('interrupted' | 'recovered' | 'gap' | 'stale') | ('split' | 'client-moved' | 'joined' | 'unverifiable')
    >()
    expectTypeOf<Extract<FeedMessage, { state: 'stale' }>>().toHaveProperty('reason')
    expectTypeOf<Extract<FeedMessage, { state: 'gap' }>>().not.toHaveProperty('reason')
  })

  test('contain no token, no claims and no metadata', () => {
    expectTypeOf<LoginMessage>().not.toHaveProperty('metadata')
    expectTypeOf<DiagnosticsOperations['fastify-refresh-token:create']>().not.toHaveProperty('result')
  })
})

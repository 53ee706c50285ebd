import type {
  DiagnosticsEvents,
  DiagnosticsOperations,
  FeedMessage,
  LoginMessage,
  RefreshMessage,
  RevokedMessage,
  StoreErrorMessage
} from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

describe('the messages of the diagnostics channels', () => {
  test('have the type of their channel name', () => {
    expect<DiagnosticsEvents['fastify-refresh-token:login']>().type.toBe<LoginMessage>()
    expect<DiagnosticsEvents>().type.not.toHaveProperty('fastify-refresh-token:create')
    expect<DiagnosticsOperations>().type.toHaveProperty('fastify-refresh-token:create')
  })

  test('contain user, session and decision', () => {
    expect<LoginMessage>().type.toBe<{ keyPrefix: string; sub: string; sid: string; gen: number }>()
    expect<RefreshMessage['outcome']>().type.toBe<'rotated' | 'replayed' | 'reused' | 'rolled-back'>()
    expect<RevokedMessage['sids']>().type.toBe<string[]>()
    expect<StoreErrorMessage['operation']>().type.toBeAssignableFrom<'rotate'>()
    expect<StoreErrorMessage['operation']>().type.not.toBeAssignableFrom<'rotated'>()
  })

  test('of the feed have a reason after a failure', () => {
    expect<FeedMessage['state']>().type.toBe<'interrupted' | 'recovered' | 'gap' | 'stale'>()
    expect<Extract<FeedMessage, { state: 'stale' }>>().type.toHaveProperty('reason')
    expect<Extract<FeedMessage, { state: 'gap' }>>().type.not.toHaveProperty('reason')
  })

  test('contain no token, no claims and no metadata', () => {
    expect<LoginMessage>().type.not.toHaveProperty('metadata')
    expect<DiagnosticsOperations['fastify-refresh-token:create']>().type.not.toHaveProperty('result')
  })
})

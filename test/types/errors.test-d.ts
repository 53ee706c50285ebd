import { describe, test } from 'node:test'
import { expectTypeOf } from 'expect-type'
import { type ErrorCode, errorCodes } from 'fastify-refresh-token'

describe('error codes', () => {
  test('are literal types, so that a misspelled comparison does not compile', () => {
    expectTypeOf(errorCodes.RefreshTokenReused).toEqualTypeOf<'FRT_ERR_REFRESH_TOKEN_REUSED'>()
    expectTypeOf<ErrorCode>().toEqualTypeOf<(typeof errorCodes)[keyof typeof errorCodes]>()
    expectTypeOf<'FRT_ERR_STORE_UNAVAILABLE'>().toExtend<ErrorCode>()
    expectTypeOf<'FRT_ERR_STORE_UNAVAILIBLE'>().not.toExtend<ErrorCode>()
    expectTypeOf(errorCodes).not.toHaveProperty('NoSuchError')
  })
})

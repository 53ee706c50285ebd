import { type ErrorCode, errorCodes } from 'fastify-refresh-token'
import { describe, expect, test } from 'tstyche'

describe('error codes', () => {
  test('are literal types, so that a misspelled comparison does not compile', () => {
    expect(errorCodes.RefreshTokenReused).type.toBe<'FRT_ERR_REFRESH_TOKEN_REUSED'>()
    expect<ErrorCode>().type.toBe<(typeof errorCodes)[keyof typeof errorCodes]>()
    expect<ErrorCode>().type.toBeAssignableFrom<'FRT_ERR_STORE_UNAVAILABLE'>()
    expect<ErrorCode>().type.not.toBeAssignableFrom<'FRT_ERR_STORE_UNAVAILIBLE'>()
    expect(errorCodes).type.not.toHaveProperty('NoSuchError')
  })
})

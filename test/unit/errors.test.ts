import t from 'tap'
import { errorCodes, errors, isPluginError } from '../../lib/errors.js'

/** Public error codes and status codes. Applications compare them, so a change is a breaking change. */
const table = {
  InvalidOption: ['FRT_ERR_INVALID_OPTION', 500],
  EmptyBody: ['FRT_ERR_EMPTY_BODY', 400],
  InvalidName: ['FRT_ERR_INVALID_NAME', 400],
  InvalidCredentials: ['FRT_ERR_INVALID_CREDENTIALS', 401],
  InvalidCallbackResult: ['FRT_ERR_INVALID_CALLBACK_RESULT', 500],
  InvalidIdentity: ['FRT_ERR_INVALID_IDENTITY', 500],
  NoAccessToken: ['FRT_ERR_NO_ACCESS_TOKEN', 401],
  AccessTokenExpired: ['FRT_ERR_ACCESS_TOKEN_EXPIRED', 401],
  AccessTokenInvalid: ['FRT_ERR_ACCESS_TOKEN_INVALID', 401],
  SessionRevoked: ['FRT_ERR_SESSION_REVOKED', 401],
  SessionNotFound: ['FRT_ERR_SESSION_NOT_FOUND', 404],
  NoRefreshToken: ['FRT_ERR_NO_REFRESH_TOKEN', 401],
  RefreshTokenInvalid: ['FRT_ERR_REFRESH_TOKEN_INVALID', 401],
  RefreshTokenExpired: ['FRT_ERR_REFRESH_TOKEN_EXPIRED', 401],
  RefreshTokenReused: ['FRT_ERR_REFRESH_TOKEN_REUSED', 401],
  RefreshConflict: ['FRT_ERR_REFRESH_CONFLICT', 503],
  NotRegistered: ['FRT_ERR_NOT_REGISTERED', 500],
  SessionLimit: ['FRT_ERR_SESSION_LIMIT', 409],
  InvalidScope: ['FRT_ERR_INVALID_SCOPE', 400],
  ProofRequired: ['FRT_ERR_PROOF_REQUIRED', 401],
  ProofInvalid: ['FRT_ERR_PROOF_INVALID', 401],
  ProofNonce: ['FRT_ERR_PROOF_NONCE', 401],
  ProofKeyMismatch: ['FRT_ERR_PROOF_KEY_MISMATCH', 401],
  InsufficientAuthentication: ['FRT_ERR_INSUFFICIENT_AUTHENTICATION', 401],
  InsufficientScope: ['FRT_ERR_INSUFFICIENT_SCOPE', 403],
  CrossOrigin: ['FRT_ERR_CROSS_ORIGIN', 403],
  StoreUnavailable: ['FRT_ERR_STORE_UNAVAILABLE', 503],
  KeysUnavailable: ['FRT_ERR_KEYS_UNAVAILABLE', 503]
} as const

function make(name: keyof typeof errors) {
  return new errors[name]()
}

t.test('each error has its public code and status', async (t) => {
  t.strictSame(Object.keys(errors).sort(), Object.keys(table).sort())
  for (const [name, [code, status]] of Object.entries(table)) {
    const error = make(name as keyof typeof table)
    t.equal(error.code, code)
    t.equal(error.statusCode, status, code)
    t.ok(error instanceof Error)
  }
})

t.test('errorCodes has the code of each error by its name', async (t) => {
  t.strictSame(Object.keys(errorCodes).sort(), Object.keys(table).sort())
  for (const [name, code] of Object.entries(errorCodes)) {
    t.equal(code, make(name as keyof typeof errors).code, name)
  }
})

t.test('the message of an option error is a whole sentence', async (t) => {
  t.equal(new errors.InvalidOption('option "a.b" must be a number').message, 'option "a.b" must be a number')
})

t.test('isPluginError recognizes errors of both builds by their code', async (t) => {
  for (const name of Object.keys(table)) t.ok(isPluginError(make(name as keyof typeof table)), name)
  t.ok(isPluginError(Object.assign(new Error('from the other build'), { code: 'FRT_ERR_CROSS_ORIGIN' })))
  t.notOk(isPluginError(Object.assign(new Error('not a plugin error'), { code: 'FRT_ERR_OTHER' })))
  t.notOk(isPluginError(new Error('FRT_ERR_CROSS_ORIGIN')))
  t.notOk(isPluginError({ code: 'FRT_ERR_CROSS_ORIGIN' }))
  for (const other of [null, undefined, 'FRT_ERR_CROSS_ORIGIN', 403]) t.notOk(isPluginError(other))
})

const EXPLANATIONS = {
  FRT_ERR_NO_REFRESH_TOKEN: 'This browser is not logged in. The page asks for a session each time it opens.',
  FRT_ERR_INVALID_CREDENTIALS: 'The username or the password is wrong.',
  FRT_ERR_ACCESS_TOKEN_EXPIRED: 'The access token has expired.',
  FRT_ERR_SESSION_REVOKED: 'The session was revoked.',
  FRT_ERR_REFRESH_TOKEN_REUSED: 'The session is revoked because of reuse.',
  FRT_ERR_REFRESH_TOKEN_EXPIRED: 'The refresh token has expired.',
  FRT_ERR_REFRESH_TOKEN_INVALID: 'The refresh token was not issued by this server.',
  FRT_ERR_REFRESH_CONFLICT: 'The refresh token was replaced a moment ago. The client tries again.',
  FRT_ERR_PROOF_REQUIRED: 'The session is bound to a key, and the request has no proof of it.',
  FRT_ERR_PROOF_KEY_MISMATCH: 'The session is bound to another key.',
  FRT_ERR_STORE_UNAVAILABLE: 'The session store is unavailable.'
}

/** Explains an error code of a response. Returns an empty string for an unknown code. */
export function explainCode(code) {
  return EXPLANATIONS[code] ?? ''
}

const WORDS = {
  logout: 'You logged out, in this tab or in another one of this browser.',
  FRT_ERR_REFRESH_TOKEN_REUSED:
    'A refresh token came back that had long been exchanged for another: somebody else holds a copy of it. The server cannot tell who of you is who, and ended the session for both. You can log in again; the thief has no password.',
  FRT_ERR_SESSION_REVOKED:
    'The session was ended at the server: from the list of devices, or by a login that took its place.',
  FRT_ERR_REFRESH_TOKEN_EXPIRED:
    'The server no longer knows the session: it was unused for too long, or the store was emptied.',
  FRT_ERR_REFRESH_TOKEN_INVALID:
    'The server does not take the refresh token for one of its own: it was started again with another secret.',
  FRT_ERR_NO_REFRESH_TOKEN: 'The browser no longer had the cookie of the refresh token.'
}

/** Why, in plain words. */
export function wordsForEnd(reason) {
  return WORDS[reason] ?? `The server answered ${reason}.`
}

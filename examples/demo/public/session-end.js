const NOTICES = {
  logout: {
    title: 'You are logged out',
    text: 'You logged out in this tab or in another tab of this browser.'
  },
  'user-changed': {
    title: 'Another user logged in',
    text: 'Another user logged in in another tab of this browser. The browser now has the session of that user.'
  },
  FRT_ERR_REFRESH_TOKEN_REUSED: {
    title: 'Theft detected: the session is revoked',
    text: 'A retired refresh token was presented again, which is called reuse. Two parties hold the same token, and the server cannot tell which of them is the user. It revoked the session for both. You can log in again. The attacker cannot, because the attacker does not have your password.',
    isAlarm: true
  },
  FRT_ERR_SESSION_REVOKED: {
    title: 'Your session was revoked',
    text: 'The server ended the session. It was revoked in the list of devices, or a newer login replaced it.'
  },
  FRT_ERR_REFRESH_TOKEN_EXPIRED: {
    title: 'Your session has expired',
    text: 'The session was not used for too long, or the session store has lost it.'
  },
  FRT_ERR_REFRESH_TOKEN_INVALID: {
    title: 'Your refresh token is invalid',
    text: 'The server did not issue this refresh token. Usually the server was restarted with another secret.'
  },
  FRT_ERR_PROOF_REQUIRED: {
    title: 'The key of your session is missing',
    text: 'The session is bound to a key, and this browser no longer has it. You can log in again.'
  },
  FRT_ERR_PROOF_KEY_MISMATCH: {
    title: 'Your session is bound to another key',
    text: 'This browser has a key, but not the one that the session is bound to. You can log in again.'
  },
  FRT_ERR_NO_REFRESH_TOKEN: {
    title: 'Your refresh token is missing',
    text: 'The browser no longer has the cookie with the refresh token.'
  }
}

/**
 * Explains why a session ended.
 * @returns `{ title, text, isAlarm }`. Only reuse raises an alarm
 */
export function explainEnd(reason) {
  const {
    title,
    text,
    isAlarm = false
  } = NOTICES[reason] ?? {
    title: 'Your session has ended',
    text: `The server answered ${reason}.`
  }
  return { title, text, isAlarm }
}

/** Prints the commands that try the demo in a terminal, in order. */
export function printSteps(url: string, { store, hasSecret }: { store: string; hasSecret: boolean }): void {
  const curl = `curl -sS -w ' %{http_code}\\n'`
  const login = `${url}/auth/login -H 'content-type: application/json' -d '{"username":"ada","password":"analytical engine"}'`
  const accessTokenOf = (args: string) => `ACCESS=$(curl -sS ${args} | grep -o 'eyJ[^"]*')`
  const call = (path: string) => `${curl} ${url}${path} -H "authorization: Bearer $ACCESS"`
  const secret = hasSecret
    ? 'The secret is AUTH_SECRET.'
    : 'The secret is random, so a restart logs out all users. Set AUTH_SECRET to avoid this.'

  console.log(`Open ${url} in a browser. The page shows how stolen tokens are detected, and how users stay logged in.

The demo keeps sessions in ${store}. ${secret}
The users are ada (password 'analytical engine') and grace ('nanoseconds').

You can also run these commands in another terminal, in this order. Paste them, because an access token expires after
30 seconds.

# Create a directory for the cookies.
cd "$(mktemp -d)"

# Log in. The response has the refresh token in a cookie, and the access token in the body.
${accessTokenOf(`-c ada.cookies ${login}`)}
echo "$ACCESS"

# Call the guarded routes. Both answer 200, because ada is an admin.
${call('/me')}
${call('/admin')}

# An attacker copies the cookies.
cp ada.cookies attacker.cookies

# Refresh, and use the new access token. This retires the old refresh token. The response is 200.
${accessTokenOf(`-b ada.cookies -c ada.cookies -X POST ${url}/auth/refresh`)}
${call('/me')}

# The attacker waits for three grace periods of one second, and presents the retired token: 401
# FRT_ERR_REFRESH_TOKEN_REUSED.
sleep 4
${curl} -b attacker.cookies -X POST ${url}/auth/refresh

# The server has detected the reuse and revoked the session. Both requests of ada answer 401.
${call('/me')}
${curl} -b ada.cookies -X POST ${url}/auth/refresh

# Log in again, and log out. The logout answers 200 and deletes the cookie. The access token is revoked too: 401.
${accessTokenOf(`-c ada.cookies ${login}`)}
${curl} -b ada.cookies -c ada.cookies -X POST ${url}/auth/logout
${call('/me')}

Press Ctrl-C to stop the demo.`)
}

/** Prints what to type, in order. */
export function printSteps(url: string, { store, hasSecret }: { store: string; hasSecret: boolean }): void {
  const curl = `curl -sS -w ' %{http_code}\\n'`
  const login = `${url}/auth/login -H 'content-type: application/json' -d '{"username":"ada","password":"analytical engine"}'`
  const accessTokenOf = (args: string) => `ACCESS=$(curl -sS ${args} | grep -o 'eyJ[^"]*')`
  const call = (path: string) => `${curl} ${url}${path} -H "authorization: Bearer $ACCESS"`
  const secret = hasSecret
    ? 'the secret is AUTH_SECRET.'
    : 'the secret is random: after a restart nobody is logged in (AUTH_SECRET sets one).'

  console.log(`Look at ${url} in a browser: a page that logs in, refreshes, and plays what can go wrong.

Sessions are kept in ${store}; ${secret}
The users are ada (password 'analytical engine') and grace ('nanoseconds').

Or type in another shell, in this order. An access token lives for half a minute: it is best pasted.

# Somewhere for the cookie jars.
cd "$(mktemp -d)"

# Log in. The refresh token goes into a cookie, the access token is in the body.
${accessTokenOf(`-c ada.jar ${login}`)}
echo "$ACCESS"

# Call the guarded routes: 200 and 200, for ada is an admin.
${call('/me')}
${call('/admin')}

# A thief copies the cookie jar.
cp ada.jar thief.jar

# Refresh, and use the new access token: the old refresh token has no more to do. 200.
${accessTokenOf(`-b ada.jar -c ada.jar -X POST ${url}/auth/refresh`)}
${call('/me')}

# The grace is over after a second. The thief's token is retired: 401 FRT_ERR_REFRESH_TOKEN_REUSED.
sleep 2
${curl} -b thief.jar -X POST ${url}/auth/refresh

# The theft is found out, and the session has ended everywhere: 401 and 401.
${call('/me')}
${curl} -b ada.jar -X POST ${url}/auth/refresh

# Ada logs in again, and out: 200, and the cookie leaves the jar. Her access token ends too: 401.
${accessTokenOf(`-c ada.jar ${login}`)}
${curl} -b ada.jar -c ada.jar -X POST ${url}/auth/logout
${call('/me')}

Ctrl-C ends the demo.`)
}

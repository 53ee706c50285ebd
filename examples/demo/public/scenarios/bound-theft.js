export async function boundTheft(context, say) {
  if (!context.isBound)
    return 'Your session is not bound to a key. Log out, choose “Bind the session to a key of this browser”, and log in again.'
  await context.prepare(say)
  const { gen } = await context.call('/demo/attacker/copy', 'POST')
  say(`The attacker has copied generation ${gen}, and refreshes with it at once.`)
  const { status, code } = await context.call('/demo/attacker/refresh', 'POST')
  context.logRequest({ sender: 'attacker', method: 'POST', path: '/auth/refresh', status, code })
  if (status === 200) throw new Error('the attacker received new tokens')
  say('The attacker is rejected. Your client refreshes with the same token and a proof of its key.')
  await context.refresh()
  const { name } = await context.call('/me')
  return `The attacker received ${status} and no tokens, because the key cannot be copied with the cookie. The server did not revoke the session. You are still logged in, ${name}.`
}

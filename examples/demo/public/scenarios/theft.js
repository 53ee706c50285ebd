/** Allows for a difference between the clocks of server and browser. */
const MARGIN_MS = 500

export async function theft(context, say) {
  await context.prepare(say)
  const { gen } = await context.call('/demo/attacker/copy', 'POST')
  say(`The attacker has copied generation ${gen}. Your client refreshes, and uses the new access token.`)
  await context.refresh()
  await context.call('/me')
  await context.pause(3 * context.settings.graceMs + MARGIN_MS)
  say(`Generation ${gen} was retired three grace periods ago. The attacker refreshes with it.`)
  const { status, code } = await context.call('/demo/attacker/refresh', 'POST')
  context.logRequest({ sender: 'attacker', method: 'POST', path: '/auth/refresh', status, code })
  await context.auth.fetch('/me')
  if (code === 'FRT_ERR_PROOF_REQUIRED')
    return `The attacker received ${status} and no tokens. Your session is bound to a key of this browser, so a copied token is useless. You are still logged in.`
  if (status === 200) throw new Error('the attacker received new tokens')
  return `The attacker received ${status} and no tokens. The server detected the reuse, and revoked the session for both, because it cannot distinguish them.`
}

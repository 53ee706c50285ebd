export async function expire(context, say) {
  await context.prepare(say)
  await context.call('/demo/expire', 'POST')
  say('The server rejects the access token from now on. The client sends a request.')
  const { name } = await context.call('/me')
  return `The server answered 401. The client refreshed, sent the request again, and received the name “${name}”. A user does not notice this.`
}

export async function lost(context, say) {
  await context.prepare(say)
  const { events } = context.history.last
  await context.call('/demo/lose-response', 'POST')
  say('The client refreshes, and the response is lost.')
  await context.refresh()
  const since = await context.eventsSince(events, (all) => all.length > 1)
  const { gen } = since.findLast(({ type }) => type === 'replayed') ?? {}
  if (gen === undefined) throw new Error('the refresh was not replayed')
  return `The client sent the same refresh token again. Generation ${gen} was not in use yet, so the server sent another copy of it. This is called a replay. It is not treated as theft, and you are still logged in.`
}

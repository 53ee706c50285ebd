export async function lost(scene, say) {
  await scene.ready(say)
  const { happenings } = scene.history.last
  await scene.call('/demo/lose-answer', 'POST')
  say('Your client refreshes, and the answer is lost on its way.')
  await scene.refresh()
  const since = await scene.happenedSince(happenings, (all) => all.length > 1)
  const { gen } = since.findLast(({ type }) => type === 'replayed') ?? {}
  if (gen === undefined) throw new Error('nothing was replayed')
  return `Your client sent the same refresh token again. The server had no sign that generation ${gen} arrived, and sent another copy of it: a replay, not a theft. Nobody was logged out.`
}

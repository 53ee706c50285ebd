const TABS = 5

export async function tabs(scene, say) {
  await scene.ready(say)
  const { happenings } = scene.history.last
  say('Five refreshes are on their way.')
  const refresh = () => scene.rawFetch('/auth/refresh', { method: 'POST' })
  const answers = await Promise.all(Array.from({ length: TABS }, refresh))
  const since = await scene.happenedSince(happenings, (all) => all.length >= TABS)
  const count = (type) => since.filter((happening) => happening.type === type).length
  const good = answers.filter(({ ok }) => ok).length
  return `${good} of ${TABS} were answered 200: ${count('rotated')} rotation, ${count('replayed')} replays. All tabs hold the same generation, and nobody was logged out.`
}

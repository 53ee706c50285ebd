export async function expire(scene, say) {
  await scene.ready(say)
  await scene.call('/demo/expire', 'POST')
  say('The server takes the token for expired. Your client calls.')
  const { name } = await scene.call('/me')
  return `The call was answered 401. Your client refreshed once, sent it again, and was answered “${name}”: you noticed nothing.`
}

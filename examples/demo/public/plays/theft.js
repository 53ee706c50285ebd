/** The server's clock and this one need not agree to the millisecond. */
const MARGIN_MS = 500

export async function theft(scene, say) {
  await scene.ready(say)
  const { gen } = await scene.call('/demo/thief/copy', 'POST')
  say(`The thief has a copy of generation ${gen}. You go on: your client refreshes, and uses what it got.`)
  await scene.refresh()
  await scene.call('/me')
  await scene.pause(scene.settings.graceMs + MARGIN_MS)
  say(`The grace is over: nobody honest still holds generation ${gen}. The thief refreshes with it.`)
  const { status, code } = await scene.call('/demo/thief/refresh', 'POST')
  scene.log({ who: 'thief', method: 'POST', path: '/auth/refresh', status, code })
  await scene.auth.fetch('/me')
  if (status === 200) throw new Error('the thief got through')
  return `The thief was answered ${status}, and has nothing. Your session ended with his, for the server cannot tell you apart: log in again.`
}

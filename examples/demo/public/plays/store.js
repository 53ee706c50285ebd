import { leftSeconds } from '../token-life.js'

/** Does what the button said. */
export async function turnStore(scene, say, runs, isLoggedIn) {
  await scene.rawFetch('/demo/store', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ running: runs })
  })
  scene.showStore(runs)
  if (!isLoggedIn) return runs ? 'The store runs again: you can log in.' : 'The store has stopped.'
  return runs ? started(scene, say) : stopped(scene, say)
}

async function stopped(scene, say) {
  say('The store has stopped. Your client tries to refresh.')
  try {
    await scene.refresh()
  } catch (error) {
    if (error.code !== 'FRT_ERR_CLIENT_UNAVAILABLE') throw error
    return `The server answered 503, and your client gave up for now. You are still logged in, and your access token is good for ${Math.ceil(leftSeconds())} s more. Start the store when you like.`
  }
  throw new Error('the refresh was answered')
}

async function started(scene, say) {
  say('The store runs again. Your client waits as long as it was asked to, and refreshes.')
  await scene.refresh()
  return 'The refresh was answered 200. Nothing was lost: you were logged in all the time.'
}

import { remainingSeconds } from '../token-lifetime.js'

/** Stops or starts the session store, and shows what the client does. */
export async function switchStore(context, say, isRunning, isLoggedIn) {
  await context.plainFetch('/demo/store', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ running: isRunning })
  })
  context.showStore(isRunning)
  if (!isLoggedIn) return isRunning ? 'The store is running again.' : 'The store is stopped.'
  return isRunning ? started(context, say) : stopped(context, say)
}

async function stopped(context, say) {
  say('The store is stopped. The client tries to refresh.')
  try {
    await context.refresh()
  } catch (error) {
    if (error.code !== 'FRT_ERR_CLIENT_UNAVAILABLE') throw error
    return `The server answered 503 three times, and the client stopped trying for now. You are still logged in. ${validity()} Start the store again at any time.`
  }
  throw new Error('the refresh succeeded')
}

function validity() {
  const seconds = Math.ceil(remainingSeconds())
  if (seconds === 0) return 'Your access token has expired, so requests wait for the store.'
  return `Your access token works for ${seconds} s more, because the server checks it without the store.`
}

async function started(context, say) {
  say('The store is running again. The client waits for as long as the server has asked, and refreshes.')
  await context.refresh()
  return 'The refresh succeeded. You stayed logged in during the whole outage.'
}

import { boundKey } from '../binding.js'
import { createAuthFetch } from '../client/index.js'

const TABS = 5

export async function tabs(context, say) {
  await context.prepare(say)
  const { events } = context.history.last
  say('Five refreshes are on their way.')
  // Clients without a channel do not coordinate. Each of them refreshes to get its first access token.
  const options = { baseUrl: location.origin, channel: false, fetch: context.plainFetch, key: boundKey() }
  const tokens = await Promise.all(
    Array.from({ length: TABS }, () => createAuthFetch(options).getAccessToken())
  )
  const since = await context.eventsSince(events, (all) => all.length >= TABS)
  const count = (type) => since.filter((event) => event.type === type).length
  const successful = tokens.filter((token) => token !== null).length
  return `The server answered ${successful} of ${TABS} requests with 200. It replaced the refresh token ${times(count('rotated'))}, and replayed the new one ${times(count('replayed'))}. All tabs hold the same generation, and you are still logged in.`
}

function times(count) {
  return count === 1 ? 'once' : `${count} times`
}

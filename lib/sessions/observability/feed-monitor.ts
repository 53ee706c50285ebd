import type { FastifyBaseLogger } from 'fastify'
import type { FeedEvent } from '../../../types/revocation-feed.js'
import { events } from './diagnostics.js'

const LINES = {
  interrupted: ['warn', 'the revocation feed is interrupted: it is tried again'],
  recovered: ['info', 'the revocation feed goes on'],
  gap: ['warn', 'entries of the revocation feed are lost'],
  stale: ['warn', 'the revocation feed is stale: sessions that end elsewhere are not heard of']
} as const

/** How the feed is doing: to the log and to the channel, once for each change. */
export function watchFeed(keyPrefix: string, log: FastifyBaseLogger): (event: FeedEvent) => void {
  let isStale = false

  return (event) => {
    const { state } = event
    if (state === 'read') {
      isStale = false
      const { entries, lagMs } = event
      if (events.feedRead.hasSubscribers) events.feedRead.publish({ keyPrefix, entries, lagMs })
      return
    }
    if (state === 'stale' && isStale) return
    if (state === 'stale') isStale = true
    const [level, message] = LINES[state]
    const { state: _, ...fields } = event
    log[level]({ event: `revocation_feed_${state}`, ...fields }, message)
    if (events.feed.hasSubscribers) events.feed.publish({ keyPrefix, ...event })
  }
}

import type { FastifyBaseLogger } from 'fastify'
import type { FeedEvent } from '../../../types/revocation-feed.js'
import { events } from './diagnostics.js'

const LINES = {
  interrupted: ['warn', 'revocation feed is interrupted; reconnecting'],
  recovered: ['info', 'revocation feed recovered'],
  gap: ['warn', 'revocation feed lost entries; revocations from other processes may be missed'],
  stale: ['warn', 'revocation feed is stale; revocations from other processes may be missed']
} as const

/** Returns a listener that reports the state of the feed to the log and to a channel, once per change. */
export function createFeedMonitor(keyPrefix: string, log: FastifyBaseLogger): (event: FeedEvent) => void {
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

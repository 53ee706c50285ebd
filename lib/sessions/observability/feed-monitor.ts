import type { FastifyBaseLogger } from 'fastify'
import type { FeedEvent } from '../../../types/revocation-feed.js'
import { events } from './diagnostics.js'

const LINES = {
  interrupted: ['warn', 'revocation_feed_interrupted', 'revocation feed is interrupted; reconnecting'],
  recovered: ['info', 'revocation_feed_recovered', 'revocation feed recovered'],
  gap: [
    'warn',
    'revocation_feed_gap',
    'revocation feed lost entries; revocations from other processes may be missed'
  ],
  stale: [
    'warn',
    'revocation_feed_stale',
    'revocation feed is stale; revocations from other processes may be missed'
  ],
  split: [
    'warn',
    'redis_split',
    'Redis client uses a master that was replaced; store calls fail until it reconnects'
  ],
  'client-moved': [
    'warn',
    'redis_client_moved',
    'Redis client does not use the current master; reconnecting it'
  ],
  joined: ['info', 'redis_joined', 'Redis client uses the current master again'],
  unverifiable: [
    'warn',
    'redis_unverifiable',
    'Redis client may use a master that was replaced; store calls are accepted'
  ]
} as const

/** Returns a listener that reports the state of the feed and of the client to the log and to a channel, once per change. */
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
    const [level, name, message] = LINES[state]
    const { state: _, ...fields } = event
    log[level]({ event: name, ...fields }, message)
    if (events.feed.hasSubscribers) events.feed.publish({ keyPrefix, ...event })
  }
}

import type { Metadata } from '../../types/identity.js'
import type { Caller } from '../caller.js'
import { resolveMetadata } from '../identity.js'
import { defaultMetadata } from '../metadata.js'
import type { Parts } from './parts.js'

/** What the request tells of its device; null where there is no request. */
export function metadataOf({ options }: Parts, { request }: Caller): Metadata | null {
  if (!request) return null
  const { metadata } = options.session
  // Ours is short, and plain: what an app's own gives is checked.
  if (metadata === defaultMetadata) return defaultMetadata(request)
  return resolveMetadata(metadata(request), 'session.metadata()')
}

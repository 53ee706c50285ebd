import type { Metadata } from '../../types/identity.js'
import type { Caller } from '../caller.js'
import { resolveMetadata } from '../identity.js'
import type { Parts } from './parts.js'

/** What the request tells of its device; null where there is no request. */
export function metadataOf({ options }: Parts, { request }: Caller): Metadata | null {
  return request && resolveMetadata(options.session.metadata(request), 'session.metadata()')
}

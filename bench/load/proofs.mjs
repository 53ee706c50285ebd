import { generateKeyPairSync } from 'node:crypto'
// The published files, as in implementations/this-plugin.mjs.
import { createProof } from '../../dist/esm/lib/testing/index.js'

/** Creates a key of a client. */
export function createKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** Returns the header line with a proof for a POST. */
export function proofHeader(key, path) {
  return `dpop: ${createProof(key, { method: 'POST', url: `http://localhost${path}` })}`
}

import { createPublicKey, type JsonWebKey } from 'node:crypto'
import t from 'tap'
import { thumbprint } from '../../../../lib/tokens/keys/jwk.js'
import { GENERATE } from '../../../support/key-pairs.js'

function thumbprintOf(key: JsonWebKey): string {
  return thumbprint(createPublicKey({ key, format: 'jwk' }))
}

t.test('thumbprint equals the example of RFC 7638, section 3.1, and ignores other members', async (t) => {
  const rsa = {
    kty: 'RSA',
    n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
    e: 'AQAB',
    alg: 'RS256',
    kid: '2011-04-29'
  }
  t.equal(thumbprintOf(rsa), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

t.test('thumbprint equals the example of RFC 8037, section A.3', async (t) => {
  const ed25519 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
  t.equal(thumbprintOf(ed25519), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

t.test('thumbprints of two keys differ', async (t) => {
  t.not(thumbprint(GENERATE.ES256().publicKey), thumbprint(GENERATE.ES256().publicKey))
})

import fc from 'fast-check'
import { createProof, type ProofContent, type ProofKeyPair } from '../../lib/testing/index.js'
import { signProof } from '../../lib/tokens/proof/create-proof.js'
import { damaged, headerText, oddText } from './strings.js'

/** A value that a member of a proof must not have. */
type Mutation = [part: 'header' | 'claims', member: string, value: unknown]

const otherThan = (type: string) => fc.jsonValue().filter((value) => typeof value !== type)

const jwks = fc.oneof(
  fc.jsonValue(),
  fc.record({ kty: fc.constant('EC'), crv: fc.constant('P-256'), x: oddText, y: oddText }),
  fc.constantFrom(
    { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) },
    { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) },
    { kty: 'oct', k: 'A'.repeat(43) },
    { kty: 'RSA', n: 'A'.repeat(300), e: 'AQAB' }
  )
)

/** Section 4.3 of RFC 9449, member by member. Other members are allowed. */
const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  ...[
    mutation('header', 'typ', fc.oneof(oddText, fc.constantFrom('JWT', 'DPOP+JWT', 'dpop', null, undefined))),
    mutation(
      'header',
      'alg',
      fc.oneof(oddText, fc.constantFrom('none', 'HS256', 'ES384', 'es256', null, []))
    ),
    mutation('header', 'crit', fc.oneof(fc.jsonValue(), fc.constant(['exp']))),
    mutation('header', 'jwk', fc.oneof(jwks, fc.constant(undefined)))
  ],
  ...[
    mutation('claims', 'jti', fc.oneof(otherThan('string'), fc.constantFrom('', 'x'.repeat(129), undefined))),
    mutation(
      'claims',
      'htm',
      fc.oneof(oddText, fc.constantFrom('post', 'GET', 'POST ', ['POST'], undefined))
    ),
    mutation('claims', 'htu', fc.oneof(fc.webUrl(), oddText, otherThan('string'), fc.constant(undefined))),
    mutation(
      'claims',
      'iat',
      fc.oneof(otherThan('number'), fc.integer({ max: 1e9 }), fc.constant(undefined))
    ),
    mutation('claims', 'nonce', fc.jsonValue())
  ]
)

function mutation(part: Mutation[0], member: string, values: fc.Arbitrary<unknown>): fc.Arbitrary<Mutation> {
  return values.map((value) => [part, member, value])
}

/** Headers `DPoP` that the server must reject, although some of them are signed by the key. */
export function invalidProofs(key: ProofKeyPair, content: ProofContent): fc.Arbitrary<string> {
  const valid = () => createProof(key, content)
  const separators = fc.constantFrom(',', ', ', ' ', '; ', '.', '\t')
  return fc.oneof(
    { weight: 4, arbitrary: mutations.map((each) => signMutated(key, valid(), each)) },
    { weight: 2, arbitrary: fc.constant(null).chain(() => damaged(valid())) },
    { weight: 1, arbitrary: separators.map((separator) => [valid(), valid()].join(separator)) },
    { weight: 1, arbitrary: headerText() },
    { weight: 1, arbitrary: fc.constantFrom('', ' ', '..', 'a.b.c', 'null', `${valid()}${'x'.repeat(9000)}`) }
  )
}

function signMutated({ privateKey }: ProofKeyPair, proof: string, [part, member, value]: Mutation): string {
  const decode = (each: string) => JSON.parse(String(Buffer.from(each, 'base64url')))
  const [header, claims] = proof.split('.').slice(0, 2).map(decode)
  const changed = { ...{ header, claims }[part], [member]: value }
  return part === 'header' ? signProof(changed, claims, privateKey) : signProof(header, changed, privateKey)
}

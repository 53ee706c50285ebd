import { createHash } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../../lib/tokens/keys/derived-keys.js'
import { createRefreshTokenCodec } from '../../../lib/tokens/refresh-token.js'
import { createFamily, sidOf } from '../../../lib/tokens/session-id.js'

const family = createFamily('user-1')

function secretOf(seed: string): Buffer {
  return createHash('sha256').update(seed).digest()
}

function codecOf(secrets: readonly [Buffer, ...Buffer[]], prefix = 'frt:') {
  return createRefreshTokenCodec(deriveKeys(secrets, prefix))
}

function keyIdOf(secret: Buffer): number {
  return deriveKeys([secret], 'frt:')[0].keyId
}

/** Returns two secrets with the same key id. There are only 256 ids, so the search is short. */
function collidingSecrets(): [Buffer, Buffer] {
  const seen = new Map<number, Buffer>()
  for (let seed = 0; ; seed++) {
    const secret = secretOf(`seed ${seed}`)
    const other = seen.get(keyIdOf(secret))
    if (other) return [other, secret]
    seen.set(keyIdOf(secret), secret)
  }
}

t.test('secrets are rotated without rejecting tokens: [old], [old, new], [new, old], [new]', async (t) => {
  const older = secretOf('old')
  const newer = secretOf('new')
  const steps = [
    codecOf([older]),
    codecOf([older, newer]),
    codecOf([newer, older]),
    codecOf([newer])
  ] as const
  const [first, second, third, fourth] = steps.map((codec) => codec.issue(family, 2, 9)) as [
    string,
    string,
    string,
    string
  ]

  t.equal(first, second, 'the first secret signs')
  t.equal(third, fourth, 'the first secret signs')
  t.not(second, third)

  for (const codec of steps.slice(0, 3)) t.equal(codec.parse(first)?.sid, sidOf(family))
  for (const codec of steps.slice(1)) t.equal(codec.parse(third)?.sid, sidOf(family))
  t.equal(steps[3].parse(first), null, 'a removed secret verifies no token')
  t.equal(steps[0].parse(third), null, 'a future secret verifies no token')
})

t.test('the session id does not change while secrets are rotated', async (t) => {
  const old = codecOf([secretOf('old')])
  const rotated = codecOf([secretOf('new'), secretOf('old')])
  const parsed = rotated.parse(old.issue(family, 1, 0))
  t.ok(parsed)
  t.equal(rotated.parse(rotated.issue(parsed?.family ?? Buffer.alloc(0), 2, 1))?.sid, sidOf(family))
})

t.test('parse tries all secrets with the same key id', async (t) => {
  const [one, other] = collidingSecrets()
  t.equal(keyIdOf(one), keyIdOf(other))
  t.notSame(one, other)

  const tokens = [codecOf([one]), codecOf([other])].map((codec) => codec.issue(family, 1, 0))
  for (const codec of [codecOf([one, other]), codecOf([other, one])]) {
    for (const token of tokens) t.equal(codec.parse(token)?.sid, sidOf(family))
  }
  t.equal(codecOf([one]).parse(tokens[1] ?? ''), null, 'the key id alone is not enough')
})

t.test(
  'a registration with another prefix rejects tokens of the same secret, even with an equal key id',
  async (t) => {
    const secret = secretOf('shared')
    const prefixes = Array.from({ length: 2000 }, (_, i) => `app${i}:`)
    const samePrefixId = prefixes.find((prefix) => deriveKeys([secret], prefix)[0].keyId === keyIdOf(secret))
    t.type(samePrefixId, 'string')

    const token = codecOf([secret]).issue(family, 1, 0)
    for (const prefix of ['other:', 'frt', samePrefixId ?? ''])
      t.equal(codecOf([secret], prefix).parse(token), null)
  }
)

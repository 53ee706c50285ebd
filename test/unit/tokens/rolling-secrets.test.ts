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

/** Two secrets that one key id means: there are 256 ids, so it does not take long. */
function collidingSecrets(): [Buffer, Buffer] {
  const seen = new Map<number, Buffer>()
  for (let seed = 0; ; seed++) {
    const secret = secretOf(`seed ${seed}`)
    const other = seen.get(keyIdOf(secret))
    if (other) return [other, secret]
    seen.set(keyIdOf(secret), secret)
  }
}

t.test('secrets roll without a token lost: [old], [old, new], [new, old], [new]', async (t) => {
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
  t.equal(steps[3].parse(first), null, 'a secret that is gone verifies nothing')
  t.equal(steps[0].parse(third), null, 'a secret that is not there yet verifies nothing')
})

t.test('the session keeps its id while secrets roll', async (t) => {
  const old = codecOf([secretOf('old')])
  const rolled = codecOf([secretOf('new'), secretOf('old')])
  const parsed = rolled.parse(old.issue(family, 1, 0))
  t.ok(parsed)
  t.equal(rolled.parse(rolled.issue(parsed?.family ?? Buffer.alloc(0), 2, 1))?.sid, sidOf(family))
})

t.test('every secret that a key id could mean is tried', async (t) => {
  const [one, other] = collidingSecrets()
  t.equal(keyIdOf(one), keyIdOf(other))
  t.notSame(one, other)

  const tokens = [codecOf([one]), codecOf([other])].map((codec) => codec.issue(family, 1, 0))
  for (const codec of [codecOf([one, other]), codecOf([other, one])]) {
    for (const token of tokens) t.equal(codec.parse(token)?.sid, sidOf(family))
  }
  t.equal(codecOf([one]).parse(tokens[1] ?? ''), null, 'the id alone proves nothing')
})

t.test(
  'another prefix refuses the tokens of the same secret, also where the key ids are alike',
  async (t) => {
    const secret = secretOf('shared')
    const prefixes = Array.from({ length: 2000 }, (_, i) => `app${i}:`)
    const alike = prefixes.find((prefix) => deriveKeys([secret], prefix)[0].keyId === keyIdOf(secret))
    t.type(alike, 'string')

    const token = codecOf([secret]).issue(family, 1, 0)
    for (const prefix of ['other:', 'frt', alike ?? '']) t.equal(codecOf([secret], prefix).parse(token), null)
  }
)

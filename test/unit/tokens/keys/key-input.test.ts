import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { key } from '../../../../lib/tokens/keys/parse-key.js'
import { GENERATE, KEY_ALGORITHMS, privatePem, publicPem } from '../../../support/key-pairs.js'

const code = 'FRT_ERR_INVALID_OPTION'
const path = 'accessToken.keys[0]'

const base64 = (data: string | Buffer) => Buffer.from(data).toString('base64')

/** What environment variables, .env files and shells make of a text. */
const CHANGES: Record<string, (text: string) => unknown> = {
  unchanged: (text) => text,
  'escaped line breaks': (text) => text.replaceAll('\n', '\\n'),
  'escaped line breaks of Windows': (text) => text.replaceAll('\n', '\\r\\n'),
  'line breaks of Windows': (text) => text.replaceAll('\n', '\r\n'),
  'spaces for line breaks': (text) => text.replaceAll('\n', ' '),
  'no line breaks': (text) => text.replaceAll('\n', ''),
  indented: (text) => text.replaceAll(/^/gm, '    '),
  'space around it': (text) => `\n\n  ${text}  \n`,
  'double quotes': (text) => `"${text.replaceAll('\n', '\\n')}"`,
  'single quotes': (text) => `'${text}'`,
  'a byte order mark': (text) => `\ufeff${text}`,
  base64: (text) => base64(text),
  'wrapped base64': (text) => base64(text).replaceAll(/.{64}/g, '$&\n'),
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'a Buffer': (text) => Buffer.from(text),
  'a Uint8Array': (text) => new Uint8Array(Buffer.from(text)),
  'a Buffer with escaped line breaks': (text) => Buffer.from(text.replaceAll('\n', '\\n'))
}

for (const algorithm of KEY_ALGORITHMS) {
  const pair = GENERATE[algorithm]()
  t.test(`${algorithm}: a PEM is accepted in each form`, async (t) => {
    for (const [name, change] of Object.entries(CHANGES)) {
      t.ok(key(change(privatePem(pair)), path).privateKey?.equals(pair.privateKey), `private: ${name}`)
      const parsed = key(change(publicPem(pair)), path)
      t.ok(parsed.publicKey.equals(pair.publicKey), `public: ${name}`)
      t.equal(parsed.privateKey, undefined)
    }
  })

  t.test(`${algorithm}: a JWK as JSON is accepted, with its kid`, async (t) => {
    const jwk = JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'a', use: 'sig' })
    for (const form of [
      jwk,
      ` ${jwk}\n`,
      `'${jwk}'`,
      base64(jwk),
      Buffer.from(jwk),
      new Uint8Array(Buffer.from(jwk))
    ]) {
      const parsed = key(form, path)
      t.ok(parsed.privateKey?.equals(pair.privateKey))
      t.match(parsed, { kid: 'a', use: 'sig' })
    }
  })

  t.test(`${algorithm}: DER is accepted as bytes and in base64`, async (t) => {
    const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' })
    const spki = pair.publicKey.export({ type: 'spki', format: 'der' })
    for (const form of [pkcs8, new Uint8Array(pkcs8), base64(pkcs8)]) {
      t.ok(key(form, path).privateKey?.equals(pair.privateKey))
    }
    for (const form of [spki, base64(spki)]) t.ok(key(form, path).publicKey.equals(pair.publicKey))
  })
}

t.test('older encodings are accepted', async (t) => {
  const rsa = createPrivateKey(privatePem(GENERATE.RS256()))
  const ec = createPrivateKey(privatePem(GENERATE.ES256()))
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
  for (const format of ['pem', 'der'] as const) {
    t.ok(key(rsa.export({ type: 'pkcs1', format: format as 'pem' }), path).privateKey?.equals(rsa))
    t.ok(key(ec.export({ type: 'sec1', format: format as 'pem' }), path).privateKey?.equals(ec))
  }
  t.ok(key(parameters + ec.export({ type: 'sec1', format: 'pem' }), path).privateKey?.equals(ec))
})

const pem = privatePem(GENERATE.EdDSA())
const [firstLine = ''] = pem.split('\n')
const encrypted = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }
}).privateKey

const PROBLEMS: [problem: string, value: unknown, message: string][] = [
  ['empty text', '', 'is empty'],
  ['blank text', ' \n', 'is empty'],
  ['empty quotes', '""', 'is empty'],
  ['only the first line', firstLine, 'has a PEM without its END line, perhaps only the first line of it'],
  [
    'a PEM that was cut',
    pem.slice(0, -30),
    'has a PEM without its END line, perhaps only the first line of it'
  ],
  ['an encrypted PEM', encrypted, 'is an encrypted PEM, decrypt it with "openssl pkey"'],
  ['an encrypted PEM in base64', base64(encrypted), 'is an encrypted PEM, decrypt it with "openssl pkey"'],
  [
    'an older encrypted PEM',
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\nAAAA\n-----END RSA PRIVATE KEY-----',
    'is an encrypted PEM, decrypt it with "openssl pkey"'
  ],
  [
    'a key of OpenSSH',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
    'has the format of OpenSSH, create the key with "openssl genpkey"'
  ],
  ['a JWK that was cut', '{"kty":"OKP","d":"hunter2', 'starts like a JWK, but is not valid JSON'],
  ['a JWK Set', { keys: [] }, 'is a JWK Set, use the keys that it contains'],
  ['a JWK Set as JSON', '{"keys":[]}', 'is a JWK Set, use the keys that it contains']
]

for (const [problem, value, message] of PROBLEMS) {
  t.test(`the error names the problem: ${problem}`, async (t) => {
    t.throws(() => key(value, path), { code, message: `option "${path}" ${message}` })
  })
}

t.test('a JWK whose private part cannot be read is not taken for a public key', async (t) => {
  const { d: _, ...publicJwk } = createPrivateKey(privatePem(GENERATE.ES256())).export({ format: 'jwk' })
  t.ok(key(publicJwk, path))
  for (const d of [7, null]) t.throws(() => key({ ...publicJwk, d }, path), { code })
})

t.test('other values are rejected without a part of them in the error', async (t) => {
  const values = [
    '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----',
    './private.pem',
    'hunter2',
    'MIIhunter2',
    pem.replace(/\n.{20}/, '\nhunter2'),
    Buffer.from('hunter2')
  ]
  for (const value of [...values, {}, { kty: 'hunter2' }, null, undefined, 7, [], true]) {
    t.throws(() => key(value, path), {
      code,
      message: `option "${path}" must be a private or public key: an unencrypted PEM, a KeyObject, or a JWK`
    })
  }
})

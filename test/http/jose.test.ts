import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'
import t from 'tap'
import { GENERATE, KEY_ALGORITHMS } from '../support/key-pairs.js'
import { EXPECTED, startIssuer } from '../support/resource-server.js'

const MINUTE = 60_000

for (const algorithm of KEY_ALGORITHMS) {
  t.test(
    `${algorithm}: jose verifies the tokens with the JWKS before, during and after a rotation`,
    async (t) => {
      const [old, fresh] = [GENERATE[algorithm](), GENERATE[algorithm]()]
      const issuer = await startIssuer(t, { algorithm, keys: [old.privateKey] })
      const jwks = createRemoteJWKSet(new URL(issuer.jwksUri), { cacheMaxAge: 5 * MINUTE })
      const verify = async (token: string, keys: JWTVerifyGetKey = jwks) => {
        const { payload } = await jwtVerify(token, keys, {
          algorithms: [algorithm],
          typ: 'at+jwt',
          ...EXPECTED
        })
        return payload.sub
      }
      const first = await issuer.token()
      t.equal(await verify(first), 'ada')

      await issuer.app.sessions.rotateKeys([old.privateKey, fresh.publicKey])
      t.equal(await verify(await issuer.token()), 'ada')
      await issuer.advance(5 * MINUTE)

      t.equal(await verify(await issuer.token()), 'ada')
      await issuer.app.sessions.rotateKeys([fresh.privateKey, old.publicKey])
      const last = await issuer.token()
      t.equal(await verify(last), 'ada')

      await issuer.app.sessions.rotateKeys([fresh.privateKey])
      const others = createRemoteJWKSet(new URL(issuer.jwksUri))
      t.equal(await verify(last, others), 'ada')
      await t.rejects(verify(first, others), errors.JWKSNoMatchingKey)
      await t.rejects(verify(`${last.slice(0, -8)}AAAAAAAA`, others), errors.JWSSignatureVerificationFailed)
    }
  )
}

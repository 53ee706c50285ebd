import { json, type Reply } from './scripted-server.js'

/** Returns an access token without a valid signature, which the client does not verify. */
export function jwtOf(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}.signature`
}

/** Returns the response of a login or a refresh with these claims. */
export function tokenFor(claims: object, expiresIn = 300): Reply {
  return () => json(200, { access_token: jwtOf(claims), token_type: 'Bearer', expires_in: expiresIn })
}

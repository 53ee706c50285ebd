import t from 'tap'
import { securitySchemes } from '../../../../lib/index.js'

const refreshTokenCookie = {
  type: 'apiKey',
  in: 'cookie',
  name: '__Host-refresh_token',
  description: 'Refresh token'
}
const bearerAuth = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'Access token'
}

t.test('the schemes have the default names', async (t) => {
  t.strictSame(securitySchemes(), { bearerAuth, refreshTokenCookie })
})

t.test('the schemes have the names of the options', async (t) => {
  t.strictSame(securitySchemes({ transport: 'body' }), { bearerAuth })
  t.strictSame(
    securitySchemes({
      secret: 'a secret without effect',
      transport: () => 'header',
      accessToken: { header: 'X-AUTH-TOKEN' },
      cookie: { name: 'X-REFRESH_TOKEN' },
      header: { refreshToken: 'X-RT' }
    }),
    {
      bearerAuth: { type: 'apiKey', in: 'header', name: 'x-auth-token', description: 'Access token' },
      refreshTokenCookie: { ...refreshTokenCookie, name: 'X-REFRESH_TOKEN' },
      refreshTokenHeader: { ...refreshTokenCookie, in: 'header', name: 'x-rt' }
    }
  )
})

t.test('invalid options throw', async (t) => {
  const code = 'FRT_ERR_INVALID_OPTION'
  t.throws(() => securitySchemes({ transport: 'cookies' as 'cookie' }), { code, message: /transport/ })
  t.throws(() => securitySchemes({ cookie: { name: 'a b' } }), { code, message: /cookie\.name/ })
})

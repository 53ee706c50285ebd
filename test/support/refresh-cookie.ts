/** The name of the cookie with the refresh token, unless the options change it. */
const NAME = '__Host-refresh_token'

interface Response {
  headers: { 'set-cookie'?: string | string[] | undefined }
}

/** Returns the `Set-Cookie` headers that set or delete the refresh token. A 401 may set another cookie, its mark. */
export function refreshCookiesIn({ headers }: Response): string[] {
  return [headers['set-cookie'] ?? []].flat().filter((cookie) => cookie.startsWith(`${NAME}=`))
}

/** Where requests and responses contain the refresh token. */
export type Transport = 'cookie' | 'body' | 'header'

/** The cookie with the refresh token. It is always HttpOnly. */
export interface CookieOptions {
  /** @default '__Host-refresh_token' */
  name?: string | undefined
  /** @default '/' */
  path?: string | undefined
  domain?: string | undefined
  /** @default 'strict' */
  sameSite?: 'strict' | 'lax' | 'none' | undefined
  /** @default true */
  secure?: boolean | undefined
  /**
   * Whether a browser keeps a separate cookie for each site that embeds the application (CHIPS). Requires `secure`, and
   * `sameSite: 'none'` for pages that are embedded in another site.
   * @default false
   */
  partitioned?: boolean | undefined
  /**
   * Attributes that the cookie had before, so that a change logs no user out. Cookies with these names are also read. A
   * login or logout deletes the cookies with these attributes.
   * @default []
   */
  previous?: readonly PreviousCookie[] | undefined
}

/** What identified the cookie before. At least one property differs from the cookie. */
export interface PreviousCookie {
  /** @default the current name */
  name?: string | undefined
  /** @default the current path */
  path?: string | undefined
  /** Without it, the cookie belonged to one host. */
  domain?: string | undefined
  /** @default the current value */
  partitioned?: boolean | undefined
}

/** The header names of the transport `'header'`. */
export interface HeaderOptions {
  /**
   * Header of requests and responses.
   * @default 'x-refresh-token'
   */
  refreshToken?: string | undefined
  /**
   * Header of responses.
   * @default 'x-access-token'
   */
  accessToken?: string | undefined
}

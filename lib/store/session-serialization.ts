import type { Authentication, Claims, Metadata, Session } from '../../types/session.js'
import type { NewSession, SessionChange } from '../../types/session-store.js'

/** The parts of a session that a store keeps as text. The rotation rule does not use them. */
export interface StoredTexts {
  /**
   * Five lines, each of which may be empty: the idle timeout of the session in ms, JSON of the metadata and the key of the
   * login, JSON of the claims, JSON of the device name, and the time of the authentication in ms with its JSON. JSON contains
   * no line break, so that `update` replaces one line without parsing the others.
   */
  identity: string
  /** JSON of the metadata of the last request. */
  requestMetadata: string
}

/** The lines that `update` replaces. The one of the authentication is without its time. */
export type ChangedLines = { [N in 'claims' | 'name' | 'authentication']?: string | undefined }

/** The metadata and the key of the login. They never change. */
interface Login {
  metadata?: Metadata
  jkt?: string
}

export function toTexts(session: NewSession): StoredTexts {
  const { ownIdleMs, metadata, jkt, claims, authentication, requestMetadata } = session
  const { acr, amr } = authentication
  const isClassified = acr !== undefined || amr !== undefined
  return {
    identity: [
      ownIdleMs ?? '',
      toJson({ metadata: isEmpty(metadata) ? undefined : metadata, jkt }),
      toJson(claims),
      '',
      isClassified ? authenticationLine('', toJson(authentication)) : ''
    ].join('\n'),
    requestMetadata: JSON.stringify(requestMetadata)
  }
}

export function toChangedLines({ claims, name, authentication }: SessionChange): ChangedLines {
  return {
    claims: claims && toJson(claims),
    name: name === null ? '' : JSON.stringify(name),
    authentication: authentication && toJson(authentication)
  }
}

/** Returns an identity with other lines. `redis/scripts/update.ts` does the same in Lua. */
export function replaceLines(identity: string, changed: ChangedLines, nowMs: number): string {
  const [ownIdle, login, claims, name, authentication] = identity.split('\n')
  const newAuthentication =
    changed.authentication === undefined ? authentication : authenticationLine(nowMs, changed.authentication)
  return [ownIdle, login, changed.claims ?? claims, changed.name ?? name, newAuthentication].join('\n')
}

/** @param atMs when the user authenticated, or an empty string for the time of the login */
function authenticationLine(atMs: number | '', json: string): string {
  return `${atMs} ${json}`
}

/** Saves memory: an object without defined properties is an empty line. */
function toJson(value: object): string {
  const json = JSON.stringify(value)
  return json === '{}' ? '' : json
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}

export interface StoredTimes {
  createdMs: number
  lastUsedMs: number
  expiresMs: number
  absoluteExpiresMs: number
}

/** Lists all properties: an object literal with a spread takes as long as all JSON work of a refresh. */
export function toSession(
  { sid, sub, gen, remember }: Pick<Session, 'sid' | 'sub' | 'gen' | 'remember'>,
  texts: StoredTexts,
  times: StoredTimes
): Session {
  const [, loginLine, claimsLine, nameLine, authenticationLine = ''] = texts.identity.split('\n')
  const login = fromJson<Login>(loginLine)
  const [atMs, authenticationJson] = authenticationLine.split(/ (.*)/s)
  const authentication = fromJson<Authentication>(authenticationJson)
  return {
    sid,
    sub,
    gen,
    createdAt: new Date(times.createdMs),
    lastUsedAt: new Date(times.lastUsedMs),
    expiresAt: new Date(times.expiresMs),
    absoluteExpiresAt: new Date(times.absoluteExpiresMs),
    remember,
    jkt: login.jkt ?? null,
    name: nameLine ? JSON.parse(nameLine) : null,
    authenticatedAt: new Date(atMs ? Number(atMs) : times.createdMs),
    acr: authentication.acr ?? null,
    amr: [...(authentication.amr ?? [])],
    claims: fromJson<Claims>(claimsLine),
    metadata: Object.assign(JSON.parse(texts.requestMetadata), login.metadata)
  }
}

/** Returns the metadata of a session: that of the last request, overridden by that of the login. */
export function metadataOf({ identity, requestMetadata }: StoredTexts): Metadata {
  const { metadata } = fromJson<Login>(identity.split('\n', 2)[1])
  return Object.assign(JSON.parse(requestMetadata), metadata)
}

function fromJson<T extends object>(line: string | undefined): T {
  return line ? JSON.parse(line) : ({} as T)
}

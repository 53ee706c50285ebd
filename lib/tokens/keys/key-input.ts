import { KeyObject } from 'node:crypto'
import { types } from 'node:util'
import { invalidOption, isObject } from '../../utils/checks.js'

/** A key in a form that `node:crypto` reads: a key, a JWK, a PEM, or the bytes of its DER encoding. */
export type KeyInput = KeyObject | Record<string, unknown> | string | Buffer

const PEM = '-----BEGIN '

/**
 * Returns a key in a form that `node:crypto` reads. Environment variables change the text of a key: line breaks become `\n`
 * or spaces, lines are indented, or the whole text is in quotes or in base64.
 *
 * @returns `undefined` if the value has none of the forms
 * @throws {FRT_ERR_INVALID_OPTION} with the exact problem, but never with the key
 */
export function toKeyInput(value: unknown, path: string): KeyInput | undefined {
  if (value instanceof KeyObject) return value
  if (types.isUint8Array(value)) return fromBytes(Buffer.from(value), path)
  if (isObject(value)) return fromJwk(value, path)
  return typeof value === 'string' ? fromText(value, path) : undefined
}

function fromBytes(bytes: Buffer, path: string): KeyInput | undefined {
  const text = bytes.toString()
  return isJson(text) || text.includes(PEM) ? fromText(text, path) : bytes
}

function fromText(quoted: string, path: string): KeyInput | undefined {
  const text = unquote(quoted.trim())
  if (text === '') invalidOption(`option "${path}" is empty`)
  if (isJson(text)) return fromJwk(parseJwk(text, path), path)
  if (text.includes(PEM)) return fromPem(text, path)
  return isBase64(text) ? fromBytes(Buffer.from(text, 'base64'), path) : undefined
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1).trim() : text
}

function isJson(text: string): boolean {
  return text.trimStart().startsWith('{')
}

function isBase64(text: string): boolean {
  return /^[\w+/=\s-]+$/.test(text)
}

function parseJwk(text: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    invalidOption(`option "${path}" starts like a JWK, but is not valid JSON`)
  }
}

function fromJwk(jwk: Record<string, unknown>, path: string): Record<string, unknown> {
  if (Array.isArray(jwk.keys)) invalidOption(`option "${path}" is a JWK Set, use the keys that it contains`)
  return jwk
}

const BLOCK = /-----BEGIN ([A-Z\d ]+)-----(.*?)-----END \1-----/gs

/** Returns the PEM with its line breaks. Leaves out the parameters that `openssl ecparam` writes before a key. */
function fromPem(text: string, path: string): string {
  const lines = text.replaceAll(/\\r|\\n/g, '\n')
  const blocks = [...lines.matchAll(BLOCK)].map(([, label = '', body = '']) => ({ label, body }))
  if (blocks.length === 0)
    invalidOption(`option "${path}" has a PEM without its END line, perhaps only the first line of it`)
  for (const { label, body } of blocks) {
    if (label.startsWith('ENCRYPTED') || body.includes('ENCRYPTED'))
      invalidOption(`option "${path}" is an encrypted PEM, decrypt it with "openssl pkey"`)
    if (label.startsWith('OPENSSH'))
      invalidOption(`option "${path}" has the format of OpenSSH, create the key with "openssl genpkey"`)
  }
  const keys = blocks.filter(({ label }) => !label.endsWith('PARAMETERS'))
  return keys.map(({ label, body }) => toPem(label, body.replaceAll(/\s/g, ''))).join('\n')
}

function toPem(label: string, base64: string): string {
  return [`-----BEGIN ${label}-----`, ...(base64.match(/.{1,64}/g) ?? []), `-----END ${label}-----`, ''].join(
    '\n'
  )
}

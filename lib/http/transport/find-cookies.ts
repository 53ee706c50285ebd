/** A browser has one cookie of the name, or a few for several paths and domains. More would only cost time. */
const MAX_COOKIES = 8

/**
 * Returns the values of the first 8 cookies with a name. Does not use the parser of `@fastify/cookie`, because it keeps
 * only the first of two cookies with the same name. Its decoding also depends on the application.
 *
 * Takes linear time, because the client chooses the header. The pattern `/[ \t]+$/` would take quadratic time for a
 * header with many spaces.
 *
 * @param name the name, which contains no semicolon
 */
export function findCookies(header: string, name: string): string[] {
  const values: string[] = []
  for (let start = 0; start < header.length && values.length < MAX_COOKIES; ) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon === -1 ? header.length : semicolon
    const value = valueIfNamed(header, name, start, end)
    if (value !== undefined) values.push(value)
    start = end + 1
  }
  return values
}

/** Returns the value of the pair `name=value` from `start` to `end`, or `undefined` if it has another name. */
function valueIfNamed(header: string, name: string, start: number, end: number): string | undefined {
  const nameStart = skipBlanks(header, start, end)
  if (!header.startsWith(name, nameStart)) return undefined
  const equals = skipBlanks(header, nameStart + name.length, end)
  if (header[equals] !== '=') return undefined
  const valueStart = skipBlanks(header, equals + 1, end)
  return header.slice(valueStart, skipBlanksBack(header, valueStart, end))
}

/** Returns the position of the first character that is not blank, or `end`. */
function skipBlanks(text: string, start: number, end: number): number {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  return start
}

/** Returns the position after the last character that is not blank, or `start`. */
function skipBlanksBack(text: string, start: number, end: number): number {
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return end
}

const SPACE = 0x20
const TAB = 0x09

/**
 * Returns whether a character is a space or a tab (RFC 6265, section 5.2). A name with another space character is a
 * different name, which the prefix `__Host-` does not protect.
 */
function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

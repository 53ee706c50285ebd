import { parse } from '@lukeed/ms'

/** Without a unit, text means the same as a number. Environment variables are always text. */
const NUMBER = /^(?:\d+(?:\.\d+)?|\.\d+)$/

const MONTHS = /^(\d+(?:\.\d+)?) *(?:mo|mon|month|months)$/i

/**
 * Returns the milliseconds of a duration: a number of seconds, the same number as text, or text with a unit. A year has
 * 365.25 days, and a month is a twelfth of a year.
 *
 * @returns whole milliseconds, or `undefined` if the value is not a duration of zero or more
 */
export function toMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? parseText(value) : secondsToMs(value)
  return ms === undefined || !(ms >= 0) ? undefined : Math.round(ms)
}

function secondsToMs(value: unknown): number | undefined {
  return typeof value === 'number' ? value * 1000 : undefined
}

function parseText(text: string): number | undefined {
  if (NUMBER.test(text)) return secondsToMs(Number(text))
  const months = MONTHS.exec(text)?.[1]
  if (months !== undefined) return (Number(months) / 12) * (parse('1y') as number)
  // The parser returns undefined both for zero and for text that it cannot read. A valid unit makes it a zero.
  const zero = /^0+(?:\.0+)? *([a-z]+)$/i.exec(text)
  if (zero) return parse(`1${zero[1]}`) === undefined ? undefined : 0
  return parse(text)
}

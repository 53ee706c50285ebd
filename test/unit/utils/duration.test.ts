import t from 'tap'
import { toMs } from '../../../lib/utils/duration.js'

const DAY = 86_400_000

t.test('text without a unit means the same as a number', async (t) => {
  for (const seconds of [0, 1, 3600, 2_592_000, 0.5, 1.25]) {
    t.equal(toMs(String(seconds)), seconds * 1000, String(seconds))
    t.equal(toMs(String(seconds)), toMs(seconds))
  }
  t.equal(toMs('.5'), 500)
  t.equal(toMs('0090'), 90_000)
})

t.test('text with a unit has that unit', async (t) => {
  const rows: [string, number][] = [
    ['250ms', 250],
    ['90 s', 90_000],
    ['15m', 900_000],
    ['2 hours', 7_200_000],
    ['14 days', 14 * DAY],
    ['2w', 14 * DAY],
    ['1 month', 30.4375 * DAY],
    ['1.5mo', 45.65625 * DAY],
    ['60 Months', 5 * 365.25 * DAY],
    ['5y', 5 * 365.25 * DAY],
    ['0 months', 0],
    ['0s', 0]
  ]
  for (const [text, ms] of rows) t.equal(toMs(text), ms, text)
})

t.test('other values are not a duration', async (t) => {
  const values = [
    '',
    ' ',
    '1e3',
    '0x10',
    '+5',
    '-5',
    '1,5',
    '1.',
    '5 moons',
    'NaN',
    'Infinity',
    Number.NaN,
    -1
  ]
  for (const value of [...values, null, undefined, true, 10n, ['1'], {}]) {
    t.equal(toMs(value), undefined, String(value))
  }
})

import fc from 'fast-check'

const SECOND = 1000
const W = 30 * SECOND
const DAY = 24 * 3600 * SECOND

/** Numbers pick from what there is by then, the newest first: fast-check prefers small ones. */
const pick = fc.nat({ max: 11 })
const process = fc.nat({ max: 1 })
const transport = fc.constantFrom('cookie' as const, 'body' as const)
const maybe = fc.option(pick, { nil: null, freq: 2 })

const kinds = {
  login: { weight: 3, fields: { process, transport, user: fc.nat({ max: 1 }), replaces: maybe } },
  refresh: {
    weight: 12,
    // Ahead of what was issued: a store that lost writes.
    fields: {
      process,
      transport,
      token: pick,
      ahead: fc.oneof(
        { weight: 20, arbitrary: fc.constant(0) },
        { weight: 3, arbitrary: fc.constantFrom(1, 1, 2) }
      )
    }
  },
  confirm: { weight: 5, fields: { process, access: pick } },
  logout: { weight: 1, fields: { process, transport, token: maybe, access: maybe } },
  'logout everywhere': { weight: 1, fields: { process, access: pick } },
  list: { weight: 1, fields: { process, access: pick } },
  remove: { weight: 1, fields: { process, access: pick, token: pick } },
  'roll the secrets': { weight: 1, fields: { process } },
  'fall behind': { weight: 1, fields: {} },
  'fail over': { weight: 1, fields: {} },
  pass: {
    weight: 7,
    fields: {
      ms: fc.constantFrom(
        ...[1, SECOND, W / 2, W - 1, W, 2 * W - 1, 2 * W, 3 * W - 1, 3 * W, 5 * 60 * SECOND],
        // No sum of these is an end of a lifetime: Redis expires a key in time of its own.
        5 * DAY + 777 * SECOND
      )
    }
  }
} as const

type Kinds = typeof kinds
type Value<F> = { [K in keyof F]: F[K] extends fc.Arbitrary<infer V> ? V : never }
type StepOf<K extends keyof Kinds> = { do: K } & Value<Kinds[K]['fields']>
export type Step = { [K in keyof Kinds]: StepOf<K> }[keyof Kinds]

function stepOf(name: keyof Kinds) {
  const { weight, fields } = kinds[name]
  return {
    weight,
    arbitrary: fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>
  }
}

/** What may happen, one thing after another. */
export const steps = fc.array(fc.oneof(...(Object.keys(kinds) as (keyof Kinds)[]).map(stepOf)), {
  minLength: 20,
  maxLength: 60
})

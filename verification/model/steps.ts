import fc from 'fast-check'

const SECOND = 1000
const GRACE = 30 * SECOND
const DAY = 24 * 3600 * SECOND

/** Picks a token by its age, the newest first, because fast-check prefers small numbers. */
const pick = fc.nat({ max: 11 })
const process = fc.nat({ max: 1 })
const transport = fc.constantFrom('cookie' as const, 'body' as const)
const optionalPick = fc.option(pick, { nil: null, freq: 2 })

const definitions = {
  login: {
    weight: 3,
    fields: { process, transport, user: fc.nat({ max: 1 }), replaces: optionalPick, isBound: fc.boolean() }
  },
  refresh: {
    weight: 12,
    // How many generations the token is ahead of the store, as after lost writes.
    fields: {
      process,
      transport,
      token: pick,
      /** Only for a bound session. */
      proof: fc.constantFrom('own', 'own', 'own', 'own', 'own', 'own', 'none' as const, 'other' as const),
      /** Whether the same request is then sent to the other process. */
      isCaptured: fc.constantFrom(false, false, true),
      ahead: fc.oneof(
        { weight: 20, arbitrary: fc.constant(0) },
        { weight: 3, arbitrary: fc.constantFrom(1, 1, 2) }
      )
    }
  },
  confirm: { weight: 5, fields: { process, access: pick } },
  logout: { weight: 1, fields: { process, transport, token: optionalPick, access: optionalPick } },
  'logout everywhere': { weight: 1, fields: { process, access: pick } },
  'logout others': { weight: 1, fields: { process, access: pick } },
  rename: {
    weight: 2,
    fields: { process, access: pick, token: pick, name: fc.constantFrom(null, 'phone', 'ü'.repeat(64)) }
  },
  list: { weight: 2, fields: { process, access: pick } },
  remove: { weight: 1, fields: { process, access: pick, token: pick } },
  'rotate the secrets': { weight: 1, fields: { process } },
  'replica lags': { weight: 1, fields: {} },
  'fail over': { weight: 1, fields: {} },
  wait: {
    weight: 7,
    fields: {
      ms: fc.constantFrom(
        ...[
          1,
          SECOND,
          GRACE / 2,
          GRACE - 1,
          GRACE,
          2 * GRACE - 1,
          2 * GRACE,
          3 * GRACE - 1,
          3 * GRACE,
          5 * 60 * SECOND
        ],
        // No sum of these waits is a lifetime, because Redis expires keys by its own clock.
        5 * DAY + 777 * SECOND
      )
    }
  }
} as const

type Definitions = typeof definitions
type Value<F> = { [K in keyof F]: F[K] extends fc.Arbitrary<infer V> ? V : never }
type StepOf<K extends keyof Definitions> = { do: K } & Value<Definitions[K]['fields']>
export type Step = { [K in keyof Definitions]: StepOf<K> }[keyof Definitions]

function stepOf(name: keyof Definitions) {
  const { weight, fields } = definitions[name]
  return {
    weight,
    arbitrary: fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>
  }
}

/** A random sequence of steps. */
export const steps = fc.array(fc.oneof(...(Object.keys(definitions) as (keyof Definitions)[]).map(stepOf)), {
  minLength: 20,
  maxLength: 60
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { createProof } from '../../lib/testing/index.js'
import { buildApp } from '../support/build-app.js'
import { Client } from '../support/client.js'
import { effort } from '../support/effort.js'
import { createKey } from '../support/proofs.js'
import { eachStore, type StoreUnderTest } from '../support/stores.js'

// The responses to the client of a bound session do not depend on what an attacker without its key does. Each sequence runs
// twice, with and without the attacker.

const RUNS = Number(process.env.PROPERTY_RUNS ?? effort(15, 300))
const PART = 25
const own = createKey()
const stolen = createKey()

const victimStep = fc.oneof(
  { weight: 6, arbitrary: fc.constant('refresh' as const) },
  { weight: 3, arbitrary: fc.constant('lose a response' as const) },
  { weight: 3, arbitrary: fc.constant('send the older token' as const) },
  { weight: 3, arbitrary: fc.constant('call' as const) },
  { weight: 1, arbitrary: fc.constant('login' as const) },
  { weight: 1, arbitrary: fc.constant('logout' as const) },
  { weight: 4, arbitrary: fc.constantFrom(1, 20, 50, 100, 400).map((seconds) => seconds * 1000) }
)
const attackerStep = fc.constantFrom(
  'refresh without a proof' as const,
  'refresh with another key' as const,
  'refresh with the last proof' as const,
  'refresh with the last proof at another process' as const,
  'logout without a proof' as const,
  'logout with another key' as const,
  'login' as const,
  'login with another key' as const,
  'introduce an invalid proof' as const
)
const steps = fc.array(
  fc.record({ step: victimStep, attacks: fc.array(fc.tuple(attackerStep, fc.nat(3)), { maxLength: 3 }) }),
  { minLength: 3, maxLength: 15 }
)
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never

let users = 0

/** One user with a bound session, and what an attacker has copied from the requests. */
class World {
  readonly user = `user ${users++}`
  readonly app: FastifyInstance
  readonly second: FastifyInstance
  readonly client: Client
  /** Each refresh token of the user, as an attacker copies it. */
  readonly copies: string[] = []
  readonly responses: unknown[] = []
  accepted = 0
  #lastProof = 'none'

  constructor(app: FastifyInstance, second: FastifyInstance) {
    this.app = app
    this.second = second
    this.client = new Client(app, { key: own })
  }

  /** Runs a step of the user, and records what the user can notice. */
  async run(step: Exclude<Steps[number]['step'], number>): Promise<void> {
    const { client, copies } = this
    if (step === 'call') {
      this.responses.push((await client.call()).statusCode)
      return
    }
    const path = step === 'login' || step === 'logout' ? `/${step}` : '/refresh'
    const older = copies.at(-2)
    const token = step === 'send the older token' && older ? older : client.jar.refreshToken
    this.#lastProof = createProof(own, { method: 'POST', url: `http://localhost/auth${path}` })
    const response = await this.#post(this.app, path, token, this.#lastProof)
    if (step !== 'lose a response') client.jar.store(response, client.options)
    if (step === 'logout') client.jar.refreshToken = client.jar.accessToken = undefined
    const issued = response.cookies.find(({ name, value }) => name === '__Host-refresh_token' && value)
    if (issued) copies.push(issued.value)
    const { code, access_token } = response.json()
    const claims = access_token && JSON.parse(Buffer.from(access_token.split('.')[1], 'base64url').toString())
    this.responses.push([step, response.statusCode, code, claims?.gen, response.headers['retry-after']])
  }

  async attack(attack: Steps[number]['attacks'][number][0], age: number): Promise<void> {
    const token = this.copies.at(-1 - age)
    const path = attack.startsWith('log') ? `/${attack.split(' ')[0]}` : '/refresh'
    const app = attack.endsWith('process') ? this.second : this.app
    const response = await this.#post(app, path, token, this.#proofOf(attack, path), { sub: 'mallory' })
    // A login of the attacker is a session of the attacker.
    if (path !== '/login' && token !== undefined && response.statusCode === 200) this.accepted++
  }

  #proofOf(attack: string, path: string): string | undefined {
    if (attack.includes('another key'))
      return createProof(stolen, { method: 'POST', url: `http://localhost/auth${path}` })
    if (attack.includes('last proof')) return this.#lastProof
    return attack.includes('invalid') ? `${this.#lastProof}x` : undefined
  }

  #post(
    app: FastifyInstance,
    path: string,
    token: string | undefined,
    dpop: string | undefined,
    payload: object = { sub: this.user }
  ): Promise<LightMyRequestResponse> {
    const headers = { ...(token && { cookie: `__Host-refresh_token=${token}` }), ...(dpop && { dpop }) }
    return app.inject({ method: 'POST', url: `/auth${path}`, headers, payload })
  }
}

async function testNonInterference(t: Test, under: StoreUnderTest, numRuns: number): Promise<void> {
  const { app } = await buildApp(t, { under })
  const { app: second } = await buildApp(t, { under })
  let attacks = 0
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const [alone, attacked] = [new World(app, second), new World(app, second)]
      await Promise.all([alone.run('login'), attacked.run('login')])
      for (const { step, attacks: ofStep } of sequence) {
        if (typeof step === 'number') {
          await under.advance(step)
        } else {
          await alone.run(step)
          await attacked.run(step)
        }
        for (const [attack, age] of ofStep) await attacked.attack(attack, age)
        attacks += ofStep.length
        await under.settled()
      }
      if (attacked.accepted > 0) throw new Error('a request of the attacker was accepted')
      assert.deepEqual(attacked.responses, alone.responses)
    }),
    { numRuns }
  )
  t.ok(attacks > numRuns)
}

await eachStore(t, async (t, open) => {
  // Each part has an empty store, because a step of the clock takes as long as there are keys.
  for (let runs = 0; runs < RUNS; runs += PART) {
    t.test(`an attacker without the key changes no response to the client, from run ${runs}`, async (t) => {
      const under = open(t)
      await testNonInterference(t, under, Math.min(PART, RUNS - runs))
      await deleteKeys(under)
    })
  }
})

async function deleteKeys({ redis, keyPrefix }: StoreUnderTest): Promise<void> {
  const keys = (await redis?.keys(`${keyPrefix}*`)) ?? []
  if (keys.length > 0) await redis?.unlink(keys)
}

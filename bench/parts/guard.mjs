import { CONNECTIONS, logInAll, printRounds, runRounds } from '../harness/rounds.mjs'
import { progress } from '../harness/table.mjs'
import { userName } from '../implementations/common.mjs'
import { guardedGet, guardedGetWithNewTokens } from '../load/clients.mjs'

export async function guard(plan, { redis, timing, scaled, targetReport }) {
  const runs = await runRounds(plan.implementations, redis, prepare, timing, { separate: true })
  printRounds(plan.title, runs, plan.references)
  targetReport.ratios(plan, runs)

  async function prepare({ transport, users = scaled(plan.users) }, server) {
    const names = Array.from({ length: users }, (_, number) => userName(number))
    const sessions = await logInAll(server, transport, names)
    return forEachConnection((at) => guardedGet({ transport, sessions: sessionsOf(sessions, at) }))
  }
}

/** Returns the sessions of a connection. If there are fewer sessions than connections, connections share them. */
function sessionsOf(sessions, at) {
  const own = sessions.filter((_, i) => i % CONNECTIONS === at)
  return own.length > 0 ? own : [sessions[at % sessions.length]]
}

export async function guardWithNewTokens(plan, { redis, timing, scaled, targetReport }) {
  const createdTokens = new Map()
  const runs = await runRounds(plan.implementations, redis, prepare, timing)
  printRounds(plan.title, runs, plan.references)
  targetReport.ratios(plan, runs)

  async function prepare({ from }) {
    if (!createdTokens.has(from)) createdTokens.set(from, await createAccessTokens(from, scaled(plan.tokens)))
    const pool = cycle(createdTokens.get(from))
    return forEachConnection(() => guardedGetWithNewTokens({ pool }))
  }
}

/** Creates the tokens in this process, so that the server is not used. All implementations have the same secret. */
async function createAccessTokens(from, count) {
  progress(`creating ${count} tokens`)
  const { build, createAccessToken } = await import(`../implementations/${from}.mjs`)
  const app = await build({ mode: 'none' })
  await app.ready()
  const tokens = []
  for (let number = 0; number < count; number++) {
    const sub = userName(number)
    tokens.push({ sub, access: await createAccessToken(app, sub) })
  }
  await app.close()
  return tokens
}

function cycle(tokens) {
  let turn = 0
  return { next: () => tokens[turn++ % tokens.length] }
}

function forEachConnection(create) {
  return Array.from({ length: CONNECTIONS }, (_, at) => create(at))
}

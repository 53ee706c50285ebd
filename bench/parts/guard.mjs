import { CONNECTIONS, logInAll, printRounds, runRounds } from '../harness/rounds.mjs'
import { progress } from '../harness/table.mjs'
import { userName } from '../implementations/common.mjs'
import { guardedGet, guardedGetWithNewTokens } from '../load/work.mjs'

export async function guard(plan, { redis, timing, sized, verdicts }) {
  const runs = await runRounds(plan.contestants, redis, prepare, timing)
  printRounds(plan.title, runs, plan.references)
  verdicts.ratios(plan, runs)

  async function prepare({ transport, users = sized(plan.users) }, server) {
    const names = Array.from({ length: users }, (_, number) => userName(number))
    const sessions = await logInAll(server, transport, names)
    return forEachConnection((at) => guardedGet({ transport, sessions: sessionsOf(sessions, at) }))
  }
}

/** Each connection has its share of the sessions; where there are fewer sessions than connections, they share. */
function sessionsOf(sessions, at) {
  const own = sessions.filter((_, i) => i % CONNECTIONS === at)
  return own.length > 0 ? own : [sessions[at % sessions.length]]
}

export async function guardWithNewTokens(plan, { redis, timing, sized, verdicts }) {
  const minted = new Map()
  const runs = await runRounds(plan.contestants, redis, prepare, timing)
  printRounds(plan.title, runs, plan.references)
  verdicts.ratios(plan, runs)

  async function prepare({ from }) {
    if (!minted.has(from)) minted.set(from, await mintTokens(from, sized(plan.tokens)))
    const pool = goRound(minted.get(from))
    return forEachConnection(() => guardedGetWithNewTokens({ pool }))
  }
}

/** In this process, so that it costs the server nothing; with the secret that the contestants share. */
async function mintTokens(from, count) {
  progress(`minting ${count} tokens`)
  const { build, mint } = await import(`../implementations/${from}.mjs`)
  const app = await build({ mode: 'none' })
  await app.ready()
  const tokens = []
  for (let number = 0; number < count; number++) {
    const sub = userName(number)
    tokens.push({ sub, access: await mint(app, sub) })
  }
  await app.close()
  return tokens
}

function goRound(tokens) {
  let turn = 0
  return { next: () => tokens[turn++ % tokens.length] }
}

function forEachConnection(create) {
  return Array.from({ length: CONNECTIONS }, (_, at) => create(at))
}

import { CONNECTIONS, printRounds, runRounds } from '../harness/rounds.mjs'
import { login, newUsers } from '../load/work.mjs'

export async function logins(plan, { redis, timing, verdicts }) {
  const runs = await runRounds(plan.contestants, redis, prepare, timing)
  printRounds(plan.title, runs, plan.references)
  verdicts.ratios(plan, runs)
}

async function prepare({ transport }) {
  const users = newUsers()
  return Array.from({ length: CONNECTIONS }, () => login({ transport, users }))
}

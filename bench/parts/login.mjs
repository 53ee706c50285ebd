import { CONNECTIONS, printRounds, runRounds } from '../harness/rounds.mjs'
import { login, newUsers } from '../load/clients.mjs'

export async function logins(plan, { redis, timing, targetReport }) {
  const runs = await runRounds(plan.implementations, redis, prepare, timing, { separate: true })
  printRounds(plan.title, runs, plan.references)
  targetReport.ratios(plan, runs)
}

async function prepare({ transport }) {
  const users = newUsers()
  return Array.from({ length: CONNECTIONS }, () => login({ transport, users }))
}

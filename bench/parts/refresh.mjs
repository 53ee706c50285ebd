import { CONNECTIONS, logInAll, printRounds, runRounds } from '../harness/rounds.mjs'
import { userName } from '../implementations/common.mjs'
import { refresh } from '../load/clients.mjs'

export async function refreshes(plan, { redis, timing, targetReport }) {
  const runs = await runRounds(plan.implementations, redis, prepare, timing, { separate: true })
  printRounds(plan.title, runs, plan.references)
  targetReport.ratios(plan, runs)
}

async function prepare({ transport, rotates = true }, server) {
  const names = Array.from({ length: CONNECTIONS }, (_, number) => userName(number))
  const sessions = await logInAll(server, transport, names)
  return sessions.map((session) => refresh({ transport, sessions: [session], rotates }))
}

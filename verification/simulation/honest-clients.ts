import { Browser, type Habits, type Tally } from './browser.js'
import { Random } from './random.js'
import type { Contestant } from './server.js'
import { DAY, SECOND, Timeline } from './time.js'

const TWO_WEEKS_MS = 14 * DAY

/**
 * Two weeks in the lives of honest users: whoever is logged out logs in again half a minute later.
 * @param users each with a seed of his own
 */
export async function liveHonestly(
  contestant: Contestant,
  habits: Habits,
  users: number,
  seed: string,
  lengthMs = TWO_WEEKS_MS
): Promise<Tally> {
  const tally: Tally = { refreshes: 0, loggedOut: 0, sessions: 0 }
  for (let user = 0; user < users; user++) {
    await live(contestant, habits, { random: new Random(seed, user), tally, lengthMs })
  }
  return tally
}

async function live(
  contestant: Contestant,
  habits: Habits,
  { random, tally, lengthMs }: { random: Random; tally: Tally; lengthMs: number }
): Promise<void> {
  const timeline = new Timeline()
  const end = timeline.now + lengthMs
  const start = async () => {
    const server = await contestant.open(() => timeline.now)
    const loggedOut = () => timeline.after(30 * SECOND, start)
    new Browser({ server, timeline, random, habits, tally, loggedOut }, await server.login())
  }
  await start()
  await timeline.run(end)
}

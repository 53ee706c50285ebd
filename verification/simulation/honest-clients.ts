import { type ClientBehavior, ClientDevice, type Totals } from './client-device.js'
import { Random } from './random.js'
import type { Implementation } from './server.js'
import { DAY, SECOND, Timeline } from './timeline.js'

const TWO_WEEKS_MS = 14 * DAY

/**
 * Simulates honest users for two weeks. A user who is logged out logs in again half a minute later.
 *
 * @param users number of users, each with their own random numbers
 */
export async function simulateUsers(
  implementation: Implementation,
  behavior: ClientBehavior,
  users: number,
  seed: string,
  durationMs = TWO_WEEKS_MS
): Promise<Totals> {
  const totals: Totals = { refreshes: 0, loggedOut: 0, sessions: 0 }
  for (let user = 0; user < users; user++) {
    await simulateUser(implementation, behavior, { random: new Random(seed, user), totals, durationMs })
  }
  return totals
}

async function simulateUser(
  implementation: Implementation,
  behavior: ClientBehavior,
  { random, totals, durationMs }: { random: Random; totals: Totals; durationMs: number }
): Promise<void> {
  const timeline = new Timeline()
  const end = timeline.now + durationMs
  const logIn = async () => {
    const server = await implementation.open(() => timeline.now)
    const onLoggedOut = () => timeline.after(30 * SECOND, logIn)
    new ClientDevice({ server, timeline, random, behavior, totals, onLoggedOut }, await server.login())
  }
  await logIn()
  await timeline.run(end)
}

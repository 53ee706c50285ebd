import { setTimeout } from 'node:timers/promises'
import { Connection } from './connection.mjs'

/**
 * Runs each client on its own connection, as fast as the server responds.
 *
 * @param clients one client of `clients.mjs` per connection
 * @param sample returns CPU times and counters. It is called before and after the measured time. For exact counts it is
 *   also called before the first request and after the last response
 * @returns responses per second, the samples around the measured time, and in `total` those around all requests
 */
export async function drive(port, clients, { warmUpMs, measureMs }, sample) {
  const first = await sample()
  let responses = 0
  let isOver = false
  const connections = []
  let fail
  const failed = new Promise((_resolve, reject) => {
    fail = reject
  })

  for (const { next, check } of clients) {
    const connection = new Connection(port, fail)
    connections.push(connection)
    const onResponse = (status, head, body) => {
      try {
        check(status, head, body)
      } catch (error) {
        return fail(error)
      }
      responses++
      if (!isOver) connection.send(next(), onResponse)
      else pending--
    }
    connection.send(next(), onResponse)
  }
  let pending = clients.length

  async function measure() {
    await setTimeout(warmUpMs)
    const before = { responses, at: performance.now(), ...(await sample()) }
    await setTimeout(measureMs)
    const after = { responses, at: performance.now(), ...(await sample()) }
    isOver = true
    // Waits for pending responses, because the next round needs the last tokens of these sessions.
    while (pending > 0) await setTimeout(1)
    const seconds = (after.at - before.at) / 1000
    const total = { first, last: await sample(), responses }
    return { rate: (after.responses - before.responses) / seconds, seconds, before, after, total }
  }

  try {
    return await Promise.race([measure(), failed])
  } finally {
    for (const connection of connections) connection.close()
  }
}

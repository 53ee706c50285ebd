import { setTimeout } from 'node:timers/promises'
import { Connection } from './connection.mjs'

/**
 * Lets each piece of work go round on a connection of its own, as fast as the server answers.
 *
 * @param works what each connection does: see `work.mjs`
 * @param sample gives CPU times and such: it is called when the warm-up is over and when the time is; and before
 *   the first request and after the last answer, for what has to be exact
 * @returns answers per second, the two samples, and `whole`: the other two
 */
export async function drive(port, works, { warmUpMs, measureMs }, sample) {
  const first = await sample()
  let answers = 0
  let isOver = false
  const connections = []
  let fail
  const failed = new Promise((_resolve, reject) => {
    fail = reject
  })

  for (const { next, check } of works) {
    const connection = new Connection(port, fail)
    connections.push(connection)
    const onAnswer = (status, head, body) => {
      try {
        check(status, head, body)
      } catch (error) {
        return fail(error)
      }
      answers++
      if (!isOver) connection.send(next(), onAnswer)
      else pending--
    }
    connection.send(next(), onAnswer)
  }
  let pending = works.length

  async function measure() {
    await setTimeout(warmUpMs)
    const before = { answers, at: performance.now(), ...(await sample()) }
    await setTimeout(measureMs)
    const after = { answers, at: performance.now(), ...(await sample()) }
    isOver = true
    // What was sent is answered: the next to use these sessions must hold their last tokens.
    while (pending > 0) await setTimeout(1)
    const seconds = (after.at - before.at) / 1000
    const whole = { first, last: await sample(), answers }
    return { rate: (after.answers - before.answers) / seconds, seconds, before, after, whole }
  }

  try {
    return await Promise.race([measure(), failed])
  } finally {
    for (const connection of connections) connection.close()
  }
}

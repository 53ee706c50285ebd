const operations = new Set()

/**
 * Shows that an operation waits: first `text`, then each failed attempt of the client.
 * @param say receives each text
 */
export async function showWaiting(say, text, work) {
  const operation = { say, failures: 0 }
  operations.add(operation)
  say(text)
  try {
    return await work()
  } finally {
    operations.delete(operation)
  }
}

/** Shows on each waiting operation that a request of the client failed, and that the client tries again. */
export function reportFailedAttempt({ path, status }) {
  if (path !== '/auth/refresh' && path !== '/auth/logout') return
  if (status !== null && status < 500) return
  const problem = status === null ? 'No complete response arrived.' : `The server answered ${status}.`
  for (const operation of operations) {
    operation.failures++
    operation.say(`${problem} The client waits and tries again. Failed attempts: ${operation.failures}.`)
  }
}

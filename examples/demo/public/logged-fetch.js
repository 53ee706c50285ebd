/**
 * Creates a `fetch` that reports each request.
 * @param onRequest receives an entry for each response, and for each response that was lost
 * @param onAccessToken receives the lifetime of each new access token in seconds
 */
export function createLoggedFetch(onRequest, onAccessToken = () => {}) {
  return async (input, init) => {
    const method = init?.method ?? input.method ?? 'GET'
    const { pathname: path } = new URL(input.url ?? input, location.origin)
    try {
      const response = await fetch(input, init)
      // Reads the body here, so that a response that breaks off counts as lost.
      const body = parse(await response.clone().text())
      onRequest({ sender: 'you', method, path, status: response.status, code: response.ok ? '' : body.code })
      if (response.ok && body.access_token) onAccessToken(body.expires_in)
      return response
    } catch (error) {
      onRequest({ sender: 'you', method, path, status: null })
      throw error
    }
  }
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

/**
 * A `fetch` that tells what went over the wire.
 * @param told gets an entry for each answer, and for each that did not come
 * @param issued gets the lifetime of each access token that came, in seconds
 */
export function createWire(told, issued = () => {}) {
  return async (input, init) => {
    const method = init?.method ?? input.method ?? 'GET'
    const { pathname: path } = new URL(input.url ?? input, location.origin)
    try {
      const response = await fetch(input, init)
      // Read here, so that an answer that breaks off is seen to.
      const body = parse(await response.clone().text())
      told({ who: 'you', method, path, status: response.status, code: response.ok ? '' : body.code })
      if (response.ok && body.access_token) issued(body.expires_in)
      return response
    } catch (error) {
      told({ who: 'you', method, path, status: null, code: 'the answer was lost' })
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

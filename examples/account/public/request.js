/**
 * Calls a route, and returns the JSON of the response.
 * @throws an error with the code of the server if the response is not a success
 */
export async function request(auth, method, path, body) {
  const response = await auth.fetch(path, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  })
  const json = await response.json()
  if (response.ok) return json
  throw Object.assign(new Error(json.message), { serverCode: json.code })
}

/** Returns why a call failed, for the user. */
export function textOf(error) {
  return error.code === 'FRT_ERR_CLIENT_UNAVAILABLE'
    ? 'The server is unavailable. Try again later.'
    : error.message
}

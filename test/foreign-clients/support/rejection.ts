/** Returns the error of a promise. The types of `t.rejects` do not allow the fields of other projects' errors. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('the promise was not rejected')
}

import { byId } from './dom.js'
import { request, textOf } from './request.js'

const dialog = byId('code-dialog')
const form = byId('code-form')
const outcome = byId('code-outcome')

byId('code-cancel').addEventListener('click', () => dialog.close())

/** Makes a call. If the server requires a second factor, asks the user for the code, and makes the call again. */
export async function withStepUp(auth, call) {
  try {
    return await call()
  } catch (error) {
    if (error.serverCode !== 'FRT_ERR_INSUFFICIENT_AUTHENTICATION') throw error
  }
  await askForCode(auth)
  return call()
}

/** Shows the dialog until the server accepts a code. Rejects if the user closes it. */
function askForCode(auth) {
  form.reset()
  outcome.textContent = ''
  dialog.showModal()
  return new Promise((resolve, reject) => {
    dialog.onclose = () => reject(new Error('Nothing was changed.'))
    form.onsubmit = async (event) => {
      event.preventDefault()
      try {
        const { code } = form.elements
        await auth.adoptAccessToken(await request(auth, 'POST', '/confirm-code', { code: code.value }))
        resolve()
        dialog.close()
      } catch (error) {
        outcome.textContent = textOf(error)
      }
    }
  })
}

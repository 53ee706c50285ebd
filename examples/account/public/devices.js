import { byId, onPress } from './dom.js'
import { request } from './request.js'
import { withStepUp } from './step-up.js'

const list = byId('device-list')

/** Loads the list of the user's devices. A press of a button is given to `report`, which shows the outcome. */
export async function loadDevices(auth, report) {
  const { sessions } = await request(auth, 'GET', '/auth/sessions')
  list.replaceChildren(...sessions.map((session) => deviceItem(session, auth, report)))
}

function deviceItem({ id, name, current, created_at, metadata }, auth, report) {
  const item = byId('device').content.firstElementChild.cloneNode(true)
  const find = (selector) => item.querySelector(selector)
  const [row, form, rename, revoke] = ['.device', 'form', '.rename', '.revoke'].map(find)
  const title = name ?? describe(metadata.user_agent)
  const details = `${current ? 'This device, logged in' : 'Logged in'} ${new Date(created_at).toLocaleString()}`
  const path = `/auth/sessions/${id}`

  item.dataset.id = id
  item.dataset.current = current
  find('b').textContent = title
  find('small').textContent = details
  rename.setAttribute('aria-label', `Rename ${title}, ${details}`)
  revoke.setAttribute('aria-label', `Log out ${title}, ${details}`)
  revoke.hidden = current

  const edit = (isEditing) => {
    row.hidden = isEditing
    form.hidden = !isEditing
    const { name: input } = form.elements
    if (!isEditing) return rename.focus()
    input.value = name ?? ''
    input.focus()
  }
  rename.addEventListener('click', () => edit(true))
  find('.cancel').addEventListener('click', () => edit(false))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    report(async () => {
      // `null` removes the name.
      await request(auth, 'PATCH', path, { name: form.elements.name.value.trim() || null })
      await loadDevices(auth, report)
      list.querySelector(`[data-id="${id}"] .rename`).focus()
      return 'The name is saved.'
    })
  })
  onPress(revoke, () =>
    report(async () => {
      await withStepUp(auth, () => request(auth, 'DELETE', path))
      await loadDevices(auth, report)
      // The button that had the focus no longer exists.
      byId('account-title').focus()
      return `${title} is logged out.`
    })
  )
  return item
}

/** Shortens a user agent to the names of browser and system. */
function describe(userAgent = 'Unknown device') {
  const browser = /(Firefox|Edg|Chrome|Safari)(?=\/)/.exec(userAgent)?.[0]
  if (!browser) return userAgent.slice(0, 60)
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(userAgent)?.[0] ?? 'another system'
  return `${browser === 'Edg' ? 'Edge' : browser} on ${system}`
}

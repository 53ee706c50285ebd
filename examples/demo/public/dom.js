/** The element of that id, which the page has. */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`no element #${id}`)
  return found
}

/** An element with properties and children; `data` goes into its data attributes. */
export function element(tag, { data = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  Object.assign(made.dataset, data)
  made.append(...children)
  return made
}

/** A press on a button, one at a time. It keeps its focus meanwhile, which `disabled` would take. */
export function onPress(button, work) {
  button.addEventListener('click', async () => {
    if (isOff(button)) return
    turn(button, false)
    try {
      await work()
    } finally {
      turn(button, true)
    }
  })
}

export function isOff(button) {
  return button.getAttribute('aria-disabled') === 'true'
}

export function turn(button, isOn) {
  button.setAttribute('aria-disabled', String(!isOn))
}

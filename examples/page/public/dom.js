/** Returns the element with this id. Throws if the page does not have it. */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`no element #${id}`)
  return found
}

/** Creates an element with properties and children. `data` sets its data attributes. */
export function element(tag, { data = {}, ...properties } = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties)
  Object.assign(created.dataset, data)
  created.append(...children)
  return created
}

/** Runs `work` on each click, one at a time. Meanwhile the button keeps the focus, unlike with `disabled`. */
export function onPress(button, work) {
  button.addEventListener('click', async () => {
    if (isDisabled(button)) return
    setEnabled(button, false)
    try {
      await work()
    } finally {
      setEnabled(button, true)
    }
  })
}

export function isDisabled(button) {
  return button.getAttribute('aria-disabled') === 'true'
}

export function setEnabled(button, isEnabled) {
  button.setAttribute('aria-disabled', String(!isEnabled))
}

/** Requests that a page of another origin can send. Each function resolves when the request is finished. */
globalThis.attack = {
  async fetch(url, { mode, type, body }) {
    const headers = type ? { 'content-type': type } : {}
    try {
      await fetch(url, { method: 'POST', mode, credentials: 'include', headers, body })
    } catch {
      // The browser blocked the request or the response.
    }
  },

  async beacon(url, { body }) {
    navigator.sendBeacon(url, body)
  },

  /** Submits a form in a frame. */
  form(url, { enctype, fields }) {
    return loadFrame((frame) => makeForm(url, enctype, fields, frame.name).submit())
  },

  frame: (url) =>
    loadFrame((frame) => {
      frame.src = url
    }),

  async image(url) {
    const image = new Image()
    await new Promise((resolve) => {
      image.onerror = resolve
      image.onload = resolve
      image.src = url
    })
  },

  /** Submits a form as a navigation of the page. */
  submit(url, { enctype, fields }) {
    makeForm(url, enctype, fields, '_self').submit()
  }
}

function makeForm(action, enctype, fields, target) {
  const form = Object.assign(document.createElement('form'), { action, enctype, target, method: 'post' })
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
  }
  document.body.append(form)
  return form
}

function loadFrame(start) {
  const frame = Object.assign(document.createElement('iframe'), { name: 'frame' })
  document.body.append(frame)
  return new Promise((resolve) => {
    frame.addEventListener('load', resolve)
    start(frame)
  })
}

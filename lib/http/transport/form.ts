const FORM = 'application/x-www-form-urlencoded'

/** Returns whether a content type is that of forms. It may have parameters. */
export function isForm(contentType = ''): boolean {
  const [type = ''] = contentType.split(';', 1)
  return type.trim().toLowerCase() === FORM
}

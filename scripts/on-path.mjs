import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @returns {string | undefined} the path of a command, if it is on the PATH */
export function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

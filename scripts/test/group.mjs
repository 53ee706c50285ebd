// Runs several test files in one process, one after the other, because starting a process takes longer than most files. Each
// file gets its own test as `t`, so that its teardowns and settings end with it. In a file that is imported with
// `?in-group`, ../ts-hooks.mjs replaces the `t` that `tap` exports.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import tap from 'tap'
import { checkLogLines } from '../../test/support/watch-logs.ts'

const tests = new Map()

/** Returns the test of a file, for the module that replaces `tap` in it. */
export function testOf(url) {
  return tests.get(url)
}

/** @param {string[]} files test files, relative to the project */
export function runGroup(files) {
  for (const file of files) {
    const url = pathToFileURL(resolve(file)).href
    tap.test(file, async (t) => {
      tests.set(url, t)
      t.teardown(checkLogLines)
      await import(`${url}?in-group`)
    })
  }
}

// A reporter for tap: one line per test file, every failure in full, and the counts, which it also writes to a file.
// It counts each `t.test` without tests inside it, and each test file without tests. Skipped tests do not count.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Transform } from 'node:stream'
import { Parser } from 'tap-parser'

const resultsFile = () => process.env.TEST_RESULTS ?? '.tap/results.json'

/** @returns {{ passed: number, failed: number }} of the last run, or zeros if it did not finish */
export function lastResults() {
  try {
    return JSON.parse(readFileSync(resultsFile(), 'utf8'))
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return { passed: 0, failed: 0 }
  }
}

export default class Reporter extends Transform {
  #parser = new Parser()
  #total = { passed: 0, failed: 0 }

  constructor() {
    super({ encoding: 'utf8' })
    collect(this.#parser, { tests: [], failures: [] }, (file) => this.#report(file))
  }

  _transform(chunk, _encoding, done) {
    this.#parser.write(String(chunk))
    done()
  }

  _flush(done) {
    this.#parser.end()
    const { passed, failed } = this.#total
    mkdirSync(dirname(resultsFile()), { recursive: true })
    writeFileSync(resultsFile(), `${JSON.stringify(this.#total)}\n`)
    this.push(`${passed} passed, ${failed} failed\n`)
    done()
  }

  /** A file that runs a group reports each of the files in it. */
  #report(file) {
    if (file.result.name.startsWith('.tap/groups/') && file.tests.length > 0) {
      for (const each of file.tests) this.#reportFile(each)
      const isExplained = file.result.ok || file.tests.some(({ result }) => !passes(result))
      if (!isExplained) this.#reportFile({ ...file, tests: [] })
      return
    }
    this.#reportFile(file)
  }

  #reportFile(file) {
    const counts = count(file)
    this.#total.passed += counts.passed
    this.#total.failed += counts.failed
    this.push(`${summarize(file)}\n`)
    if (!file.result.ok) this.push(describe(file, []).join(''))
  }
}

// Collects the failed assertions of one test, and the tests inside it.
export function collect(parser, test, finished = () => {}) {
  let inner
  parser.on('child', (child) => {
    inner = { tests: [], failures: [] }
    collect(child, inner)
  })
  parser.on('assert', (result) => {
    if (inner) {
      inner.result = result
      test.tests.push(inner)
      finished(inner)
      inner = undefined
    } else if (!passes(result)) {
      test.failures.push(result)
    }
  })
}

/** Returns the line of a test file. */
export function summarize(file) {
  const { ok, name, time } = file.result
  const { passed, failed } = count(file)
  const tally = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed}`
  return `${ok ? '✓' : '✗'} ${name} (${tally}, ${Math.round(time ?? 0)} ms)`
}

function passes(result) {
  return Boolean(result.ok || result.todo || result.skip)
}

function count({ tests, result }) {
  if (tests.length === 0) {
    if (!passes(result)) return { passed: 0, failed: 1 }
    return { passed: result.todo || result.skip ? 0 : 1, failed: 0 }
  }
  const counts = { passed: 0, failed: 0 }
  for (const test of tests) {
    const inside = count(test)
    counts.passed += inside.passed
    counts.failed += inside.failed
  }
  if (!passes(result) && counts.failed === 0) counts.failed = 1
  return counts
}

/** Returns every failure of a test in full. */
export function describe({ tests, failures, result }, path) {
  if (passes(result)) return []
  const name = [...path, result.name]
  const inside = [
    ...failures.map((failure) => explain([...name, failure.name], failure.diag)),
    ...tests.flatMap((test) => describe(test, name))
  ]
  return inside.length > 0 ? inside : [explain(name, result.diag)]
}

function explain(path, diag) {
  const { at, diff, stack, source, ...rest } = diag ?? {}
  for (const key of ['cwd', 'args', 'command', 'stdio', 'externalID', 'jobId']) delete rest[key]
  const text = [
    path.join(' › '),
    ...(at?.fileName ? [`at ${at.fileName}:${at.lineNumber}:${at.columnNumber}`] : []),
    ...[source, diff, stack].filter(Boolean),
    ...(Object.keys(rest).length > 0 ? [JSON.stringify(rest, null, 2)] : [])
  ].join('\n')
  return `\n${text.trimEnd().replaceAll(/^/gm, '    ')}\n\n`
}

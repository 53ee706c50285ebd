// Checks the files in the package for `npm run test:package`: no tests, no sources, no references to missing source maps.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../run.mjs'

const ALLOWED = [
  /^(package\.json|LICENSE|(README|CHANGELOG|SECURITY|UPGRADING)\.md)$/,
  /^dist\/cjs\/package\.json$/,
  /^dist\/browser\/client\.(js|d\.ts)$/,
  /^dist\/(esm|cjs)\/(lib|types)\/([a-z-]+\/)*[a-z0-9-]+\.(js|d\.ts)$/
]

/** Unpacks a tarball into `folder` and returns what is wrong with it. */
export function problemsOf(tarball, folder) {
  const files = run('tar', ['-tzf', tarball], { stdio: 'pipe' }).trim().split('\n')
  run('tar', ['-xzf', tarball, '-C', folder])
  const names = files.map((file) => file.replace(/^package\//, ''))
  return names.flatMap((name) => {
    if (!ALLOWED.some((pattern) => pattern.test(name))) return [`${name}: must not be published`]
    const problems = []
    const twin = name.replace(/\.js$/, '.d.ts')
    if (name.endsWith('.js') && !names.includes(twin)) problems.push(`${name}: ${twin} is missing`)
    const isCode = /\.(js|d\.ts)$/.test(name)
    if (isCode && readFileSync(join(folder, 'package', name), 'utf8').includes('sourceMappingURL'))
      problems.push(`${name}: refers to a source map that is not published`)
    return problems
  })
}

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { listPages } from './code-blocks/blocks.js'

const PAGES = await listPages()

t.test('the README links each page of docs/', async (t) => {
  const readme = await readFile('README.md', 'utf8')
  for (const page of PAGES.filter((page) => page.startsWith('docs/'))) t.match(readme, `](${page})`)
})

for (const page of PAGES) {
  const text = await readFile(page, 'utf8')

  t.test(`the links of ${page} lead somewhere`, async (t) => {
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file, anchor] = target.split('#') as [string, string?]
      const path = file === '' ? page : join(dirname(page), file)
      t.ok(existsSync(path), target)
      if (anchor !== undefined) t.ok(anchorsOf(await readFile(path, 'utf8')).has(anchor), target)
    }
  })

  t.test(`the tests that ${page} names are there`, async (t) => {
    for (const [, file = '', titles = ''] of text.matchAll(/`((?:test|lib)\/[\w./-]+)`((?:,? "[^"]+")+)/g)) {
      const tests = await readFile(file, 'utf8')
      for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g))
        t.ok(tests.includes(title), `${file}: ${title}`)
    }
  })
}

t.test('the commands that the documentation names are there', async (t) => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: object }
  const bench = JSON.parse(await readFile('bench/package.json', 'utf8')) as { scripts: object }
  for (const page of PAGES) {
    for (const [, name = ''] of (await readFile(page, 'utf8')).matchAll(/npm run ([\w:-]+)/g)) {
      t.ok(name in scripts || name in bench.scripts, `${page}: npm run ${name}`)
    }
  }
})

/** As GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-')
    )
  )
}

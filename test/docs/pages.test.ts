import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { listPages } from './code-blocks/blocks.js'
import { MANIFESTS } from './code-blocks/treat.js'

const PAGES = await listPages()

t.test('the README links the index of each folder of docs/, and each index links its pages', async (t) => {
  const readme = await readFile('README.md', 'utf8')
  const pages = PAGES.filter((page) => page.startsWith('docs/') && basename(page) !== 'README.md')
  for (const folder of new Set(pages.map(dirname))) {
    const index = `${folder}/README.md`
    t.match(readme, `](${index})`)
    const text = await readFile(index, 'utf8')
    for (const page of pages.filter((page) => dirname(page) === folder))
      t.ok(text.includes(`](${basename(page)}`), `${index} links ${page}`)
  }
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
  const scripts = new Set<string>()
  for (const manifest of MANIFESTS) {
    for (const name of Object.keys(JSON.parse(await readFile(manifest, 'utf8')).scripts)) scripts.add(name)
  }
  for (const page of PAGES) {
    for (const [, name = ''] of (await readFile(page, 'utf8')).matchAll(/npm run ([\w:-]+)/g)) {
      t.ok(scripts.has(name), `${page}: npm run ${name}`)
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

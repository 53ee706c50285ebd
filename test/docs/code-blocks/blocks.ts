import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A fenced block of a page. */
export interface Block {
  page: string
  /** The line number of its fence. */
  line: number
  language: string
  code: string
  /** The file name that the page gives: "`app.mjs`:" before the block, or a comment in its first line. */
  name: string | undefined
}

/** Returns the pages for users and for contributors. */
export async function listPages(): Promise<string[]> {
  const [root, docs, examples] = await Promise.all([
    readdir('.'),
    readdir('docs', { recursive: true }),
    readdir('examples', { recursive: true })
  ])
  return [
    ...root,
    'bench/README.md',
    ...docs.map((name) => join('docs', name)),
    ...examples.map((name) => join('examples', name))
  ]
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .sort()
}

export async function readPages(): Promise<Map<string, Block[]>> {
  const pages = (await listPages()).map(async (page) => [page, await blocksIn(page)] as const)
  return new Map(await Promise.all(pages))
}

export async function blocksIn(page: string): Promise<Block[]> {
  return blocksOf(page, await readFile(page, 'utf8'))
}

function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = []
  const fence = /^(`{3,}|~{3,})([^\n]*)\n(.*?)^\1$/gms
  for (const { index, 2: info = '', 3: code = '' } of text.matchAll(fence)) {
    const before = text.slice(0, index)
    const language = info.trim().split(/\s/)[0] ?? ''
    const name = nameOf(before, code)
    const isTaken = blocks.some((block) => block.name === name)
    blocks.push({ page, line: before.split('\n').length, language, code, name: isTaken ? undefined : name })
  }
  return blocks
}

function nameOf(before: string, code: string): string | undefined {
  const [caption, comment] = [/`([\w./-]+\.m?[jt]sx?)`[^\n`]*:\s*$/, /^\/\/ ([\w./-]+\.m?[jt]sx?)\n/]
  return (caption.exec(before) ?? comment.exec(code))?.[1]
}

/** Returns the name of the file that holds the block. */
export function fileName({ name, line, language }: Block): string {
  return name ?? `line-${line}.${language}`
}

export const isCode = ({ language }: Block): boolean => ['js', 'mjs', 'ts', 'tsx'].includes(language)

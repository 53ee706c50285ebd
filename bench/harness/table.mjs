/** Prints a Markdown table. The first column is text, the others are figures. */
export function printTable(title, columns, rows) {
  const cells = [columns, ...rows].map((row) => columns.map((_, at) => row[at] ?? ''))
  const widths = columns.map((_, at) => Math.max(3, ...cells.map((row) => row[at].length)))
  const line = (row) => `| ${row.map((cell, at) => pad(cell, widths[at], at)).join(' | ')} |`
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const [head, ...body] = cells
  console.log(`\n### ${title}\n`)
  console.log([line(head), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n'))
}

function pad(cell, width, at) {
  return at === 0 ? cell.padEnd(width) : cell.padStart(width)
}

export const format = {
  count: (value) => Math.round(value).toLocaleString('en-US'),
  ratio: (value) => value.toFixed(2),
  percent: (share) => `${Math.round(share * 100)} %`
}

/** Prints progress to stderr, which is not part of the result. */
export function progress(text) {
  process.stderr.write(`${text}\n`)
}

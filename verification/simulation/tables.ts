/**
 * Printed names, by the names in the code. The names of conditions, attackers and rules in the code are part of the seeds
 * of the random numbers: if one changes there, the figures in docs/evidence/simulation.md change.
 */
const LABELS: Readonly<Record<string, string>> = {
  'leeway from minting': 'leeway from issuance',
  'parent always fine': 'parent always accepted',
  'rests from minting, W 15 s': 'cooldown from issuance, grace 15 s',
  'rests from minting, W 30 s': 'cooldown from issuance, grace 30 s',
  'rests from minting, W 60 s': 'cooldown from issuance, grace 60 s',
  'A, W 30 s': 'A, grace 30 s',
  'B, W 30 s': 'B, grace 30 s',
  'the plugin, W 30 s': 'this plugin, grace 30 s',

  'one tab, 0.1 % of requests or answers lost': 'one tab, 0.1 % of requests or responses lost',
  'one tab, 0.3 % lost, asked for again at the next click, 80 s later on average':
    'one tab, 0.3 % lost, retried at the next click, 80 s later on average',
  'five tabs and page loads, good network with slow answers':
    'five tabs and page loads, good network with slow responses',
  'the same, all five nearly at once, and each answer takes 1 to 10 s':
    'the same, all five nearly at once, each response takes 1 to 10 s',
  'five tabs and page loads, lossy and very slow: a tenth of the legs takes 15 s and 10 s more on average':
    'five tabs and page loads, lossy and very slow network',
  'the same, 15 s and 20 s more on average': 'the same, even slower network',
  'two tabs, a rendering server shares the cookie; its uses do not confirm (`confirms`)':
    'two tabs, a rendering server shares the cookie and does not confirm (`confirms`)',
  'the same; its uses confirm': 'the same, the rendering server confirms',

  'uses it at once': 'uses the copy at once',
  'later: an hour after': 'uses the copy an hour later',
  'before the victim: ten seconds before his next refresh':
    "starts ten seconds before the victim's next refresh",
  'after the victim: ten seconds after his next refresh':
    "starts ten seconds after the victim's next refresh",
  'polls every 3 s': 'refreshes every 3 s',
  'mirrors each refresh two seconds later': 'repeats each refresh of the victim two seconds later',
  "refreshes a minute before each of the victim's, unseen":
    "refreshes a minute before each of the victim's, does not use the access token",
  'goes on only while the answers replay': 'refreshes every 20 s, but waits 5 minutes after a new token',
  'stops for an hour when a new token comes': 'refreshes every minute, but waits an hour after a new token',
  'refreshes in the rest alone, whose length he has measured': 'refreshes only during the cooldown',
  'presents the stolen copy alone, right after each refresh':
    'presents only the stolen copy, one second after each refresh of the victim',
  'keeps several copies, and presents the oldest of the newest generation':
    'keeps several copies, presents the oldest of the newest generation',
  'races each refresh: presents 50 ms after it, unconfirmed':
    'presents 50 ms after each refresh of the victim, does not confirm',
  'goes ahead, then rotates again each time before the victim confirms':
    'rotates first, then again each time before the victim confirms',
  'takes a 503 for a warning, and stops': 'stops at a 503',
  'waits until the victim sleeps, goes on while he does': "refreshes only while the victim's device sleeps",
  'goes by the session list: refreshes when last_used_at is an hour old':
    'refreshes when last_used_at in the session list is an hour old',
  'puts his first new copy into the victim’s jar, once':
    "sets the first new copy as the victim's cookie, once",
  'puts each new copy into the victim’s jar': "sets each new copy as the victim's cookie",
  'copies the jar again before each refresh': "copies the victim's cookies again before each refresh",
  'knows when': 'can detect sleep',
  'writes the jar: no __Host- prefix': 'can set cookies, no __Host- prefix',
  'writes the jar, again and again': 'can set cookies repeatedly',
  'reads the jar, again and again': 'can read cookies repeatedly'
}

export function labelOf(name: string): string {
  return LABELS[name] ?? name
}

/** Formats a Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Returns the value below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function minutes(ms: number): string {
  if (ms < 1000) return 'at once'
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`
  const inMinutes = ms / 60_000
  return `${inMinutes < 100 ? inMinutes.toFixed(1) : Math.round(inMinutes)} min`
}

import { randomBytes } from 'node:crypto'

/** What happened to a session: never a token. */
export interface Happening {
  /** Counts them, from 1. */
  n: number
  /** `seen`: it was there before this process was. */
  type: 'login' | 'seen' | 'rotated' | 'replayed' | 'copied' | 'reused' | 'ended'
  /** The current generation; of a copy and its reuse, that which was copied. */
  gen: number
  reason?: string
}

interface Story {
  ticket: string
  happenings: Happening[]
}

const MAX_STORIES = 200
const MAX_HAPPENINGS = 100

/** What happened to each session, for who holds its ticket: a page that watches needs no access token for it. */
export class History {
  readonly #stories = new Map<string, Story>()
  readonly #sids = new Map<string, string>()

  add(sid: string, happening: Omit<Happening, 'n'>): void {
    const { happenings } = this.#storyOf(sid)
    happenings.push({ n: (happenings.at(-1)?.n ?? 0) + 1, ...happening })
    if (happenings.length > MAX_HAPPENINGS) happenings.shift()
  }

  /** The ticket of a session, which is in that generation. */
  watch(sid: string, gen: number): string {
    const { ticket, happenings } = this.#storyOf(sid)
    if (happenings.length === 0) this.add(sid, { type: 'seen', gen })
    return ticket
  }

  sidOf(ticket: string): string | undefined {
    return this.#sids.get(ticket)
  }

  of(sid: string): Happening[] {
    return this.#stories.get(sid)?.happenings ?? []
  }

  currentGen(sid: string): number {
    return this.of(sid).at(-1)?.gen ?? 1
  }

  copiedGen(sid: string): number | undefined {
    return this.of(sid).findLast(({ type }) => type === 'copied')?.gen
  }

  #storyOf(sid: string): Story {
    const known = this.#stories.get(sid)
    if (known) return known
    const story = { ticket: randomBytes(16).toString('base64url'), happenings: [] }
    this.#stories.set(sid, story)
    this.#sids.set(story.ticket, sid)
    if (this.#stories.size > MAX_STORIES) this.#forgetOldest()
    return story
  }

  #forgetOldest(): void {
    const [oldest] = this.#stories
    if (!oldest) return
    this.#stories.delete(oldest[0])
    this.#sids.delete(oldest[1].ticket)
  }
}

/** Shorter pieces of a token tell nothing of it. */
const PIECE = 16
/** Pieces begin at every eighth character: whatever holds 23 characters of a token in a row, holds one of them. */
const STEP = 8
const FAMILY_AT = 6
const FAMILY_END = 22

const REFRESH_TOKENS = /[\w-]{86}/g
const JWTS = /[\w.-]{70,}/g
const SIGNATURE_LENGTH = 40
const RUNS = /[\w-]{16,}/g
/** How a Buffer is written that nobody meant to write. */
const BYTES = /"type":"Buffer"|<Buffer [0-9a-f]{2}/

/** Names that any line may hold: a password that is one of them tells nothing. */
const NAMES = new Set(['prototype', ...Object.getOwnPropertyNames(Object.prototype)])

/** What a process must not write anywhere: learned from what passes by. */
export class Secrets {
  readonly #phrases = new Set<string>()
  readonly #pieces = new Set<string>()

  /** Every token in a text: of ours, or what somebody presents for one. */
  learnTokens(text: string): void {
    for (const [token] of text.matchAll(REFRESH_TOKENS)) this.#learnRefreshToken(token)
    for (const [jwt] of text.matchAll(JWTS)) {
      // Its signature: without it, the rest opens no door.
      for (const part of jwt.split('.').slice(2)) if (part.length >= SIGNATURE_LENGTH) this.#learnPieces(part)
    }
  }

  /** A secret that is known as a whole: a password, a key. */
  learnPhrase(phrase: string | Uint8Array): void {
    if (phrase.length < STEP || NAMES.has(String(phrase))) return
    const bytes = Buffer.from(phrase)
    for (const text of [String(phrase), JSON.stringify(String(phrase)).slice(1, -1), bytes.toString('hex')]) {
      this.#phrases.add(text)
    }
    this.#phrases.add(bytes.toString('base64url'))
  }

  /** What stands of them in a line, as it stands there, if anything. */
  in(line: string): string | undefined {
    if (BYTES.test(line)) return BYTES.exec(line)?.[0]
    for (const phrase of this.#phrases) if (line.includes(phrase)) return phrase
    // Base64 in either alphabet.
    const readable = line.replaceAll('+', '-').replaceAll('/', '_')
    for (const { 0: run, index } of readable.matchAll(RUNS)) {
      for (let at = 0; at + PIECE <= run.length; at++) {
        const isSecret = this.#pieces.has(run.slice(at, at + PIECE))
        if (isSecret) return line.slice(index + at, index + at + PIECE)
      }
    }
    return undefined
  }

  get size(): number {
    return this.#phrases.size + this.#pieces.size
  }

  #learnRefreshToken(token: string): void {
    if (this.#pieces.has(token.slice(STEP, STEP + PIECE)) && this.#pieces.has(token.slice(-PIECE))) return
    this.#learnPieces(token)
    const family = Buffer.from(token, 'base64url').subarray(FAMILY_AT, FAMILY_END)
    this.#learnPieces(family.toString('hex'))
    // Base64 of other bytes that hold it: it depends on where in a group of three it begins.
    for (const from of [0, 1, 2]) this.#learnPieces(family.subarray(from).toString('base64url'), 1)
  }

  #learnPieces(text: string, step = STEP): void {
    for (let at = 0; at + PIECE <= text.length; at += step) this.#learnPiece(text.slice(at, at + PIECE))
    this.#learnPiece(text.slice(-PIECE))
  }

  #learnPiece(piece: string): void {
    // What a test made of one letter is no secret, and may stand anywhere.
    if (new Set(piece).size > PIECE / 2) this.#pieces.add(piece)
  }
}

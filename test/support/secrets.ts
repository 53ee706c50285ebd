/** The length of a piece. Shorter pieces of a token are not secret. */
const PIECE = 16
/** Pieces start at every eighth character, so that any 23 characters in a row contain a piece. */
const STEP = 8
const FAMILY_AT = 11
const FAMILY_END = 27

/** A token of a bound session is longer. */
const REFRESH_TOKENS = /[\w-]{135}|[\w-]{92}/g
const JWTS = /[\w.-]{70,}/g
const PROOFS = /[\w-]+\.[\w-]+\.[\w-]*/g
const SIGNATURE_LENGTH = 40
const RUNS = /[\w-]{16,}/g
/** Serialized Buffers. */
const BYTES = /"type":"Buffer"|<Buffer [0-9a-f]{2}/

/** Names that any line may contain. A password that equals one of them cannot be detected. */
const NAMES = new Set(['prototype', ...Object.getOwnPropertyNames(Object.prototype)])

/** Collects the secrets that a process must not write, from its traffic. */
export class Secrets {
  readonly #phrases = new Set<string>()
  readonly #pieces = new Set<string>()

  /** Adds every token in a text, valid or not. */
  addTokens(text: string): void {
    for (const [token] of text.matchAll(REFRESH_TOKENS)) this.#addRefreshToken(token)
    for (const [jwt] of text.matchAll(JWTS)) {
      // Only the signature is secret, because the rest is not accepted without it.
      for (const part of jwt.split('.').slice(2)) if (part.length >= SIGNATURE_LENGTH) this.#addPieces(part)
    }
  }

  /** Adds every proof in a header `DPoP`, valid or not, with its header and claims. No line may contain a part of a proof. */
  addProofs(header: string): void {
    for (const [proof] of header.matchAll(PROOFS)) for (const part of proof.split('.')) this.#addPieces(part)
  }

  /** Adds a complete secret, such as a password or a key. */
  addPhrase(phrase: string | Uint8Array): void {
    if (phrase.length < STEP || NAMES.has(String(phrase))) return
    const bytes = Buffer.from(phrase)
    for (const text of [String(phrase), JSON.stringify(String(phrase)).slice(1, -1), bytes.toString('hex')]) {
      this.#phrases.add(text)
    }
    this.#phrases.add(bytes.toString('base64url'))
  }

  /** Returns the first secret in a line, as written there. */
  findIn(line: string): string | undefined {
    if (BYTES.test(line)) return BYTES.exec(line)?.[0]
    for (const phrase of this.#phrases) if (line.includes(phrase)) return phrase
    // Converts base64 to base64url.
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

  clear(): void {
    this.#phrases.clear()
    this.#pieces.clear()
  }

  #addRefreshToken(token: string): void {
    if (this.#pieces.has(token.slice(STEP, STEP + PIECE)) && this.#pieces.has(token.slice(-PIECE))) return
    this.#addPieces(token)
    const family = Buffer.from(token, 'base64url').subarray(FAMILY_AT, FAMILY_END)
    this.#addPieces(family.toString('hex'))
    // Base64 of bytes that contain the family depends on its position in a group of three bytes.
    for (const from of [0, 1, 2]) this.#addPieces(family.subarray(from).toString('base64url'), 1)
  }

  #addPieces(text: string, step = STEP): void {
    for (let at = 0; at + PIECE <= text.length; at += step) this.#addPiece(text.slice(at, at + PIECE))
    this.#addPiece(text.slice(-PIECE))
  }

  #addPiece(piece: string): void {
    // Repeated letters are test data and not secret.
    if (new Set(piece).size > PIECE / 2) this.#pieces.add(piece)
  }
}

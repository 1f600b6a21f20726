import { type Decoder, WholeLines } from './decoder.ts'

/** The fewest lines of base64 in a row that uudeview takes for data in a text. */
export const BLOCK_LINES = 4
/** The characters after which uudeview takes what follows on a line for another line. */
export const BLOCK_LINE_MAX = 254
/** After more lines that go on with a block, an empty line ends the block. */
const BLOCK_WITH_GAPS_MAX = 5
/** The characters from which on a line is so long that blanks may stand after it. */
const LONG_LINE = 60

/**
 * Decodes a text in which nothing announces base64 as uudeview does (uulib, UUDecodePart): all blocks of
 * at least BLOCK_LINES lines that hold nothing else are one file, whatever stands between them. The file
 * ends after a line with padding, or at the second line of dashes; lines above these need be no block.
 */
export class Base64Blocks implements Decoder {
  readonly #inner: Decoder
  readonly #lines = new WholeLines((bytes, from, to) => this.#line(bytes, from, to))
  /** The lines so far of what is no block yet. */
  #held: string[] = []
  #isInBlock = false
  /** The lines since the last empty line that go on with a block. */
  #sinceEmpty = 0
  #hasData = false
  /** Whether a line of dashes would end the file. */
  #mayEnd = false
  #isOver = false

  constructor(inner: Decoder) {
    this.#inner = inner
  }

  push(bytes: Buffer, from: number, to: number): void {
    if (!this.#isOver) this.#lines.push(bytes, from, to)
  }

  end(): void {
    this.#lines.end()
    if (this.#mayEnd) this.#giveHeld()
    this.#inner.end()
  }

  #line(bytes: Buffer, from: number, to: number): void {
    const line = bytes.toString('latin1', from, to).replace(/\r?\n$/, '')
    for (let at = 0; at === 0 || at < line.length; at += BLOCK_LINE_MAX) {
      this.#piece(line.slice(at, at + BLOCK_LINE_MAX))
    }
  }

  #piece(line: string): void {
    if (this.#isOver) return
    if (line === '') this.#emptyLine()
    else if (line.startsWith('--')) this.#dashes()
    else if (isBlockLine(line, this.#isInBlock)) this.#data(line)
    else {
      this.#endBlock()
      this.#mayEnd = /^content-type/i.test(line)
    }
  }

  #data(line: string): void {
    this.#held.push(line)
    this.#isOver = line.includes('=')
    if (this.#isInBlock) this.#sinceEmpty++
    this.#isInBlock ||= this.#held.length === BLOCK_LINES
    if (this.#isInBlock || this.#isOver) this.#giveHeld()
  }

  #emptyLine(): void {
    if (this.#sinceEmpty > BLOCK_WITH_GAPS_MAX) this.#endBlock()
    this.#sinceEmpty = 0
  }

  #dashes(): void {
    this.#isOver = this.#mayEnd && (this.#hasData || this.#held.length > 0)
    if (this.#isOver) this.#giveHeld()
    this.#mayEnd = true
  }

  #endBlock(): void {
    this.#held = []
    this.#isInBlock = false
    this.#sinceEmpty = 0
  }

  #giveHeld(): void {
    for (const line of this.#held) {
      const bytes = Buffer.from(line, 'latin1')
      this.#inner.push(bytes, 0, bytes.length)
      this.#hasData = true
    }
    this.#held = []
  }
}

/**
 * Whether a line holds nothing but base64 up to its first NUL, with padding at its end alone. Blanks may
 * stand after it inside of a block, and after a long line.
 */
function isBlockLine(line: string, isInBlock: boolean): boolean {
  const whole = line.split('\0', 1)[0]!
  const mayHaveBlanks = isInBlock || whole.length >= LONG_LINE
  const text = mayHaveBlanks ? whole.trimEnd() : whole
  return text !== '' && !/[^A-Za-z0-9+/=]/.test(text) && /^[^=]*={0,2}$/.test(text)
}

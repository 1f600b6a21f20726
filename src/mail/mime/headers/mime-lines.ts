import { mayDescribeContent } from '../../message/content-fields.ts'
import { decodeWords, hasHiddenLineEnd } from '../../message/encoded-words.ts'
import type { Header } from '../../message/header-block.ts'

/** Collects the lines of a header that describe content. */
export class MimeLines {
  #text = ''
  #words = ''
  #keeping = false
  #hasWords = false
  /** Whether the header has NULs, bare CRs or other control characters. */
  hasControls = false

  /** Takes a line with its end, or a piece of a line. `isFold` marks a fold, or a further piece. */
  add(line: string, isFold: boolean): void {
    if (!this.hasControls && CONTROL.test(line)) this.hasControls = true
    if (!isFold) {
      this.#keeping = mayMatter(line)
      this.#hasWords = false
    }
    // Some programs end a line at a bare CR. For them a field begins after it.
    const ended = line.endsWith('\r') ? `${line.slice(0, -1)}\n` : line
    if (this.#hasWords) this.#words += ended
    else if (ended.includes('=?')) {
      this.#hasWords = true
      this.#words += ended.trimStart() // otherwise a fold would continue the last field with words
    }
    if (this.#keeping) this.#text += ended
  }

  /**
   * Adds the fields of a header that all programs read alike (well-formed.ts). No encoded word hides anything
   * in it, so words are not collected.
   */
  addWellFormed(header: Header): void {
    this.hasControls = CONTROL.test(header.text)
    for (const field of header.fields)
      if (mayDescribeContent(field.name)) this.#text += header.textOf(field)
  }

  get isEmpty(): boolean {
    return this.#text === '' && this.#words === ''
  }

  get text(): string {
    return this.#text
  }

  /** Whether an encoded word of the header may hide a line end (RFC 2047). */
  get hidesLineEnd(): boolean {
    return this.#words !== '' && hasHiddenLineEnd(this.#words)
  }

  /** The lines with encoded words, decoded. A line end in an encoded word ends a line here. */
  get decodedWords(): string {
    return decodeWords(this.#words).replace(/\r\n?/g, '\n')
  }
}

const CONTROL = /[\0-\x08\v\f\x0e-\x1f]|\r(?!\n)/

/** Returns whether the most lenient program may take the line for a field about content. */
function mayMatter(line: string): boolean {
  const colon = line.indexOf(':')
  return colon < 0 || mayDescribeContent(line.slice(0, colon))
}

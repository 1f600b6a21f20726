import { mayDescribeContent } from '../../message/content-fields.ts'
import { decodeWords, hasHiddenLineEnd } from '../../message/encoded-words.ts'
import type { Header } from '../../message/header-block.ts'
import { characterCosts } from '../budget/costs.ts'

/** What programs read in the lines of a header that describe content. */
export interface MimeText {
  /** The lines. If an encoded word hides a line end, those with words follow, decoded: some programs decode them first. */
  readonly text: string
  /** Whether an encoded word of the header may hide a line end (RFC 2047). */
  readonly hidesLineEnd: boolean
  /** Whether the header has NULs, bare CRs or other control characters. */
  readonly hasControls: boolean
}

/** Returns the lines about content in a header that all programs read alike (well-formed.ts): no encoded word hides anything. */
export function mimeTextOf(header: Header): MimeText {
  const fields = header.fields.filter(({ name }) => mayDescribeContent(name))
  const text = fields.map((field) => header.textOf(field)).join('')
  return { text, hidesLineEnd: false, hasControls: CONTROL.test(header.text) }
}

/** Collects the lines of any header that describe content. */
export class MimeLines {
  #text = ''
  #words = ''
  #isKeeping = false
  #hasWords = false
  #hasControls = false

  /** Takes a line with its end, or a piece of a line. `isFold` marks a fold, or a further piece. */
  add(line: string, isFold: boolean): void {
    this.#hasControls ||= CONTROL.test(line)
    if (!isFold) {
      this.#isKeeping = mayMatter(line)
      this.#hasWords = false
    }
    // Some programs end a line at a bare CR. For them a field begins after it.
    const ended = line.endsWith('\r') ? `${line.slice(0, -1)}\n` : line
    if (this.#hasWords) this.#words += ended
    else if (ended.includes('=?')) {
      this.#hasWords = true
      this.#words += ended.trimStart() // otherwise a fold would continue the last field with words
    }
    if (this.#isKeeping) this.#text += ended
  }

  /** What it costs to read them: only a few headers have words that are decoded. */
  get units(): number {
    return characterCosts.header * this.#text.length + this.#words.length
  }

  /** Returns what programs read in the lines so far. */
  read(): MimeText {
    const hasControls = this.#hasControls
    const hidesLineEnd = this.#words !== '' && hasHiddenLineEnd(this.#words)
    if (!hidesLineEnd) return { text: this.#text, hidesLineEnd, hasControls }
    const decoded = decodeWords(this.#words).replace(/\r\n?/g, '\n')
    return { text: `${this.#text}\n${decoded}`, hidesLineEnd, hasControls }
  }
}

const CONTROL = /[\0-\x08\v\f\x0e-\x1f]|\r(?!\n)/

/** Returns whether the most lenient program may take the line for a field about content. */
function mayMatter(line: string): boolean {
  const colon = line.indexOf(':')
  return colon < 0 || mayDescribeContent(line.slice(0, colon))
}

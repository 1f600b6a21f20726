import { decodeWords, hasHiddenLineEnd } from '../message/encoded-words.ts'

/** A field of a header, latin1, as some reader of mail sees it. */
export interface Field {
  /** Lower case, as written before the colon; '' for a line that is no field. */
  readonly name: string
  /** Behind the colon, its folds included; the whole line where there is no colon. */
  readonly value: string
}

/** Splits a header, or some lines of one, into its fields. Linear in the length. */
export function fieldsOf(text: string): Field[] {
  const fields: Field[] = []
  for (let at = 0; at < text.length; ) {
    let end = endOfLine(text, at)
    while (end < text.length && isSpaceOrTab(text, end)) end = endOfLine(text, end)
    const line = text.slice(at, end)
    const colon = line.indexOf(':')
    const isNamed = colon > 0 && !line.slice(0, colon).includes('\n')
    fields.push(
      isNamed
        ? { name: line.slice(0, colon).toLowerCase(), value: line.slice(colon + 1) }
        : { name: '', value: line },
    )
    at = end
  }
  return fields
}

function endOfLine(text: string, from: number): number {
  const lf = text.indexOf('\n', from)
  return lf < 0 ? text.length : lf + 1
}

function isSpaceOrTab(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t'
}

/** Without folds, and without blanks at both ends. */
export function unfolded(value: string): string {
  return value.replace(/[\r\n]/g, '').trim()
}

/** A name as the most patient reader takes it: no comments, blanks, control or other characters. */
export function plainName(name: string): string {
  return withoutComments(name).replace(/[^a-z0-9-]/g, '')
}

/** Takes out what stands in parentheses (RFC 822 3.4.3), whatever quotes there are. */
export function withoutComments(text: string): string {
  if (!text.includes('(')) return text
  let kept = ''
  let depth = 0
  for (const character of text) {
    if (character === '(') depth++
    if (depth === 0) kept += character
    if (character === ')' && depth > 0) depth--
  }
  return kept
}

/** The lines of a header that say something of content, in bounded memory. */
export class MimeLines {
  #text = ''
  #words = ''
  #keeping = false
  #hasWords = false
  /** There are NULs, bare CRs or other control characters in it. */
  hasControls = false
  /** The lines that were kept are more than `most` characters. */
  isOver = false
  readonly #most: number

  constructor(most: number, before?: MimeLines) {
    this.#most = most
    if (before === undefined) return
    this.#text = before.#text
    this.#words = before.#words
    this.hasControls = before.hasControls
  }

  /** Takes a line with its end, or a piece of one: `goesOn` for a fold, or a further piece. */
  add(line: string, goesOn: boolean): void {
    if (!this.hasControls && CONTROL.test(line)) this.hasControls = true
    if (!goesOn) {
      this.#keeping = mayMatter(line)
      this.#hasWords = false
    }
    // To who ended it there, a field begins behind a bare CR.
    const ended = line.endsWith('\r') ? `${line.slice(0, -1)}\n` : line
    if (ended.includes('=?')) this.#hasWords = true
    if (this.#hasWords) this.#words += ended
    if (this.#keeping) this.#text += ended
    if (this.length > this.#most) this.isOver = true
  }

  /** Characters of the lines that were kept. */
  get length(): number {
    return this.#text.length + this.#words.length
  }

  get text(): string {
    return this.#text
  }

  /** Whether one of its encoded words may hide a line end (RFC 2047). */
  get hidesLineEnd(): boolean {
    return this.#words !== '' && hasHiddenLineEnd(this.#words)
  }

  /** The lines that have encoded words, those decoded; what they make of a line end is one. */
  get decodedWords(): string {
    return decodeWords(this.#words).replace(/\r\n?/g, '\n')
  }
}

const CONTROL = /[\0-\x08\v\f\x0e-\x1f]|\r(?!\n)/

/** Whether it may be a field about content, for the most patient reader. */
function mayMatter(line: string): boolean {
  const colon = line.indexOf(':')
  if (colon < 0 || colon > NAME_MAX) return true
  const name = line.slice(0, colon)
  return !PLAIN.test(name) || SAYS_SOMETHING.test(name)
}

const NAME_MAX = 200
const PLAIN = /^[!-'*-9;-<>@-~]+$/
const SAYS_SOMETHING = /content|encod|mime|boundary|disposition|name/i

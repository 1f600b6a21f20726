import { CR, LF } from '../../base/bytes/ascii.ts'
import { indexOfByte } from '../../base/bytes/buffers.ts'
import { emptyLineAt, endOfLine, isMailboxLine } from './field-line.ts'

/** Upper limit for a header block in bytes: in a larger one, the bytes beyond it count as body. */
export const HEADER_MAX = 1024 * 1024

/**
 * Upper limit for the fields found in a header block. It does not grow with the size: a field takes two
 * bytes, so a small header cannot have many, and in a large one each would still cost FIELD_COST.
 */
export const HEADER_FIELDS_MAX = 5000

/** The approximate bytes of memory for the position of a field, with its name. */
export const FIELD_COST = 256

export type LineEnding = '\n' | '\r\n'

/** The position of a field, with its continuation lines, in a header block. */
export interface FieldSpan {
  /** The name as written, latin1, without blanks before the colon, or '' for lines that are not fields. */
  readonly name: string
  /** The name in lower case. */
  readonly key: string
  readonly start: number
  /** The index of the colon, or `start` if there is none. */
  readonly colon: number
  /** The index after the line end of the last continuation line. */
  readonly end: number
}

/**
 * An immutable header block. Its fields are parsed once, when they are first needed, and every stage uses the
 * same ones. (The reading of mail for scanners finds fields by its own rules, as mail programs do, also in
 * parts of mail.)
 */
export class Header {
  readonly bytes: Buffer
  /** The line ending of the first line; LF if it has none. */
  readonly lineEnding: LineEnding
  #text: string | undefined
  #fields: readonly FieldSpan[] | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.lineEnding = lineEndingOf(bytes)
  }

  get length(): number {
    return this.bytes.length
  }

  /** The block in latin1: the string is made once, and all others are slices of it. */
  get text(): string {
    this.#text ??= this.bytes.toString('latin1')
    return this.#text
  }

  /**
   * The fields in their order, without the empty line. A line that is not a field has the name ''.
   * If there are more than HEADER_FIELDS_MAX, it ends with the first one beyond.
   */
  get fields(): readonly FieldSpan[] {
    this.#fields ??= findFields(this)
    return this.#fields
  }

  get hasTooManyFields(): boolean {
    return this.fields.length > HEADER_FIELDS_MAX
  }

  /** Returns a field unchanged, latin1, with its folds and its line end. */
  textOf({ start, end }: FieldSpan): string {
    return this.text.slice(start, end)
  }

  /** Returns the text after the colon of a field, with its folds and its line end. */
  valueOf({ colon, end }: FieldSpan): string {
    return this.text.slice(colon + 1, end)
  }
}

function lineEndingOf(block: Buffer): LineEnding {
  return block[block.indexOf(LF) - 1] === CR ? '\r\n' : '\n'
}

/** The state of an unfinished search for the end of a header block. */
export interface HeaderSearch {
  /** The line from which to go on when there are more bytes. */
  readonly next: number
  /** Whether the first line ends in CRLF, or undefined while it has not ended. */
  readonly isCrlf?: boolean
}

/**
 * Finds the end of the header block in `bytes`, and where its empty line begins. If there is no end yet, the
 * returned state lets the search continue when there are more bytes.
 *
 * The block ends after its first empty line. A line of CR and LF is empty only if the first line also ends in
 * CRLF. Every line that programs for LF mail treat as header must count as header here, or a forged field could
 * hide in it.
 */
export function findHeaderEnd(
  bytes: Buffer,
  { next: line, isCrlf = lineEndingOf(bytes) === '\r\n' }: HeaderSearch = { next: 0 },
): { readonly emptyAt: number; readonly end: number } | HeaderSearch {
  for (let at = line; ; ) {
    const lf = indexOfByte(bytes, LF, at)
    if (lf < 0) return at > 0 ? { next: at, isCrlf } : { next: at }
    if (emptyLineAt(bytes, at, isCrlf) > 0) return { emptyAt: at, end: lf + 1 }
    at = lf + 1
  }
}

function findFields({ bytes, text, lineEnding }: Header): FieldSpan[] {
  const fields: FieldSpan[] = []
  let start = 0
  while (start < text.length && emptyLineAt(bytes, start, lineEnding === '\r\n') === 0) {
    if (fields.length > HEADER_FIELDS_MAX) break
    const lineEnd = endOfLine(text, start)
    const end = endOfBlankLines(text, lineEnd)
    fields.push(fieldAt(text, start, lineEnd, end))
    start = end
  }
  return fields
}

/** A header field to add. Its value is latin1, and has no line end but folds ("\n " or "\n\t"). */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** The changes of a header block. Each door makes them by its own protocol. */
export interface HeaderEdits {
  /** The lower-case names of fields that are removed. */
  readonly remove: readonly string[]
  /** The fields that are put on top of the block, in this order. */
  readonly add: readonly HeaderField[]
}

/** The header stays as it is. */
export const NO_EDITS: HeaderEdits = { remove: [], add: [] }

/** A run of bytes of an edited header block: kept from the original one, or new. */
type HeaderPart =
  | { readonly kind: 'kept'; readonly start: number; readonly end: number }
  | { readonly kind: 'new'; readonly bytes: Buffer }

/** Returns the edited header by editPlan(). All other bytes are unchanged. */
export function editHeader(header: Header, edits: HeaderEdits): Buffer {
  return Buffer.concat(
    editPlan(header, edits).map((part) =>
      part.kind === 'new' ? part.bytes : header.bytes.subarray(part.start, part.end),
    ),
  )
}

/**
 * Returns the header without the fields of these lower-case names (editPlan), or the same header if nothing
 * has to be edited in it.
 */
export function withoutFields(header: Header, names: readonly string[]): Header {
  const isEdited =
    header.fields.some(({ key }) => names.includes(key)) || countMailboxLines(header) > 0
  return isEdited ? new Header(editHeader(header, { remove: names, add: [] })) : header
}

/** The name that qmail-inject(8) gives to the line of a mailbox. */
const MAILBOX_FIELD = Buffer.from('MBOX-Line: ')

/**
 * Counts the lines of a mailbox (mbox) on top, which are part of the envelope: two, if the mail was delivered twice.
 * Each is among the fields.
 */
export function countMailboxLines({ text, fields }: Header): number {
  const first = fields.findIndex(({ start }) => !isMailboxLine(text, start))
  return first < 0 ? fields.length : first
}

/**
 * Returns an edited header block as consecutive, non-empty runs of bytes. Without an edit the block stays
 * unchanged.
 *
 * 1. New fields are added on top, with the line ending of the block.
 * 2. If the block begins with lines that begin with a blank, new fields follow those: otherwise those lines
 *    would continue the new field.
 * 3. Lines of a mailbox on top become fields, because some programs would take them for the end of the header.
 */
export function editPlan(header: Header, edits: HeaderEdits): HeaderPart[] {
  const parts: HeaderPart[] = []
  const keep = (start: number, end: number) => {
    if (end > start) parts.push({ kind: 'kept', start, end })
  }
  const top = edits.add.length > 0 ? endOfLeadingBlankLines(header) : 0
  keep(0, top)
  if (edits.add.length > 0) parts.push({ kind: 'new', bytes: fieldLines(edits.add, header) })
  let kept = top
  const mailboxLines = edits.add.length + edits.remove.length > 0 ? countMailboxLines(header) : 0
  for (const [index, field] of header.fields.entries()) {
    const isOfMailbox = index < mailboxLines
    if (!isOfMailbox && !edits.remove.includes(field.key)) continue
    keep(kept, field.start)
    if (isOfMailbox) parts.push({ kind: 'new', bytes: MAILBOX_FIELD })
    kept = isOfMailbox ? field.start : field.end
  }
  keep(kept, header.length)
  return parts
}

function fieldLines(fields: readonly HeaderField[], { lineEnding }: Header): Buffer {
  const lines = fields.map(({ name, value }) => `${name}: ${value}\n`).join('')
  return Buffer.from(lines.replaceAll('\n', lineEnding), 'latin1')
}

/**
 * Returns the offset for new fields: the first line that does not begin with a blank, or 0 if the last line
 * before it has no end.
 */
export function endOfLeadingBlankLines({ text }: Header): number {
  const end = endOfBlankLines(text, 0)
  return text[end - 1] === '\n' ? end : 0
}

/** `lineEnd` is where the first of its lines ends, and `end` the last one. */
function fieldAt(text: string, start: number, lineEnd: number, end: number): FieldSpan {
  const colon = text.slice(start, lineEnd).indexOf(':') + start
  if (colon < start) return { name: '', key: '', start, colon: start, end }
  let nameEnd = colon
  while (nameEnd > start && ' \t\r'.includes(text[nameEnd - 1]!)) nameEnd--
  const name = text.slice(start, nameEnd)
  return { name, key: name.toLowerCase(), start, colon, end }
}

/** Returns where the first line from `from` on begins that does not begin with a blank. */
function endOfBlankLines(text: string, from: number): number {
  let end = from
  while (text[end] === ' ' || text[end] === '\t') end = endOfLine(text, end)
  return end
}

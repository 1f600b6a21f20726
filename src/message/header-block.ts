import type { HeaderEdits, HeaderField } from './edits.ts'

/** Largest header block in bytes that is ever held and edited; more is refused. */
export const HEADER_MAX = 1024 * 1024

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a
const SPACE = 0x20
const TAB = 0x09

export type LineEnding = '\n' | '\r\n'

/** A field with its continuation lines, as a span of the block. */
export interface FieldSpan {
  /** As written, latin1, without blanks before the colon; '' for lines that are no field. */
  readonly name: string
  /** The name in lower case, as fields are looked for. */
  readonly key: string
  readonly start: number
  /** Index of the colon, or `start` where there is none. */
  readonly colon: number
  /** Behind the line end of the last continuation. */
  readonly end: number
}

/**
 * A header block with the places of its fields, which are found once, when they are first needed:
 * every stage looks at the same ones. Nobody changes its bytes. (The reading of mail for scanners
 * finds fields by rules of its own, as mail programs do, and in parts, too.)
 */
export class Header {
  readonly bytes: Buffer
  /** The line ending of the first line; LF if it has none. */
  readonly lineEnding: LineEnding
  #fields: readonly FieldSpan[] | undefined

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.lineEnding = lineEndingOf(bytes)
  }

  get length(): number {
    return this.bytes.length
  }

  /**
   * All fields in their order. A line that is no field has the name ''. The empty line is left out.
   */
  get fields(): readonly FieldSpan[] {
    this.#fields ??= findFields(this.bytes, this.lineEnding)
    return this.#fields
  }

  /** A whole field as it stands, latin1, folds and line end included. */
  textOf({ start, end }: FieldSpan): string {
    return this.bytes.toString('latin1', start, end)
  }

  /** The part of a field that stands behind its colon, in the same form. */
  valueOf({ colon, end }: FieldSpan): string {
    return this.bytes.toString('latin1', colon + 1, end)
  }
}

function lineEndingOf(block: Buffer): LineEnding {
  const lf = block.indexOf(LF)
  return lf > 0 && block[lf - 1] === CR ? '\r\n' : '\n'
}

/**
 * Looks for the end of the header block in `bytes`, in steps: `from` is the beginning of a line
 * that was not looked at yet. The block ends behind its first empty line. A line of CR and LF is
 * empty only if the first line ends in CRLF, too: whatever readers of LF mail take for header must
 * count as header here, or a field that must go could hide in it.
 */
export function findHeaderEnd(
  bytes: Buffer,
  from: number,
): { readonly end: number } | { readonly next: number } {
  let line = from
  const crlf = lineEndingOf(bytes) === '\r\n'
  for (;;) {
    const lf = bytes.indexOf(LF, line)
    if (lf < 0) return { next: line }
    if (isEmptyLine(bytes, line, crlf)) return { end: lf + 1 }
    line = lf + 1
  }
}

function findFields(block: Buffer, ending: LineEnding): FieldSpan[] {
  const fields: FieldSpan[] = []
  const crlf = ending === '\r\n'
  let start = 0
  while (start < block.length && !isEmptyLine(block, start, crlf)) {
    let end = lineEnd(block, start)
    while (end < block.length && (block[end] === SPACE || block[end] === TAB)) {
      end = lineEnd(block, end)
    }
    fields.push(fieldAt(block, start, end))
    start = end
  }
  return fields
}

/** A run of bytes of an edited block: kept from the original, or new. */
export type HeaderPart =
  | { readonly kind: 'kept'; readonly start: number; readonly end: number }
  | { readonly kind: 'new'; readonly bytes: Buffer }

/** The block with the edits carried out; all else stays byte for byte. */
export function editHeader(header: Header, edits: HeaderEdits): Buffer {
  return Buffer.concat(
    editPlan(header, edits).map((part) =>
      part.kind === 'new' ? part.bytes : header.bytes.subarray(part.start, part.end),
    ),
  )
}

/**
 * The header without the fields of these lower-case names; if it has none of them, the header
 * itself.
 */
export function withoutFields(header: Header, names: readonly string[]): Header {
  const isIn = header.fields.some(({ key }) => names.includes(key))
  return isIn ? new Header(editHeader(header, { remove: names, add: [] })) : header
}

/**
 * The edited block as runs of bytes, one behind the other; none is empty. New fields go on top,
 * with the block's own line ending. If the block begins with lines that begin with a blank, new
 * fields go below those: above them they would be their continuation.
 */
export function editPlan(header: Header, edits: HeaderEdits): HeaderPart[] {
  const parts: HeaderPart[] = []
  const keep = (start: number, end: number) => {
    if (end > start) parts.push({ kind: 'kept', start, end })
  }
  const top = edits.add.length > 0 ? endOfLeadingBlankLines(header.bytes) : 0
  keep(0, top)
  if (edits.add.length > 0) parts.push({ kind: 'new', bytes: fieldLines(edits.add, header) })
  let kept = top
  for (const field of header.fields) {
    if (!edits.remove.includes(field.key)) continue
    keep(kept, field.start)
    kept = field.end
  }
  keep(kept, header.length)
  return parts
}

function fieldLines(fields: readonly HeaderField[], { lineEnding }: Header): Buffer {
  const lines = fields.map(({ name, value }) => `${name}: ${value}\n`).join('')
  return Buffer.from(lineEnding === '\n' ? lines : lines.replaceAll('\n', lineEnding), 'latin1')
}

/**
 * Where new fields go: at the first line that does not begin with a blank. 0 if the lines before it
 * have no end.
 */
export function endOfLeadingBlankLines(block: Buffer): number {
  let end = 0
  while (block[end] === SPACE || block[end] === TAB) end = lineEnd(block, end)
  return block[end - 1] === LF ? end : 0
}

function fieldAt(block: Buffer, start: number, end: number): FieldSpan {
  const firstLine = block.subarray(start, lineEnd(block, start))
  const colon = firstLine.indexOf(COLON)
  if (colon < 0) return { name: '', key: '', start, colon: start, end }
  let nameEnd = colon
  while (nameEnd > 0 && isBlank(firstLine[nameEnd - 1])) nameEnd--
  const name = firstLine.toString('latin1', 0, nameEnd)
  return { name, key: name.toLowerCase(), start, colon: start + colon, end }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CR
}

function lineEnd(block: Buffer, from: number): number {
  const lf = block.indexOf(LF, from)
  return lf < 0 ? block.length : lf + 1
}

function isEmptyLine(block: Buffer, at: number, crlf: boolean): boolean {
  return block[at] === LF || (crlf && block[at] === CR && block[at + 1] === LF)
}

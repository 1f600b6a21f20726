import { CR, LF } from '../../base/bytes/ascii.ts'
import { hidesLineEnd, limitOfWords } from './encoded-words.ts'
import { EMPTY_LINES, STRICT_NAME } from './field-line.ts'
import {
  countMailboxLines,
  type FieldSpan,
  HEADER_FIELDS_MAX,
  HEADER_MAX,
  type Header,
  type LineEnding,
} from './header-block.ts'

const NO_FIELD = 'is not a field'
const BLANK_FOLD = 'has a blank continuation'
const HIDDEN_END = 'hides a line end in an encoded word'
const BEGINS_DATA = 'may begin a part or encoded data'

const FIELD = new RegExp(`${STRICT_NAME}:`, 'y')
/** Matches a fold of characters that some programs treat as blanks: for them it ends the header. */
const BLANK_LINE = /\n[ \t][\0-\t\v- \x7f-\xa0]*\n/
/**
 * Matches the start of a field, or of a fold, that some programs take for a delimiter or for the line above
 * encoded data (mail/mime/leaves/embedded-formats.ts). The encoded data would then continue below it.
 */
const BEGINS =
  /(?:^|\n)(?:--|begin[-`]|attach;|[ \t]+(?:-----begin|begin[ \t]+[0-7]|=y(?:begin|part) |attach[;:]))/i

/**
 * Returns why no stamp can cover a header block, or undefined if it is well formed (stamp-format.md). All
 * mail programs read a well-formed block alike. In other blocks, one program takes a line for the body and
 * another takes it for a field, so the same stamp would cover two messages. In a well-formed block
 *
 * - there is a field, and an empty line ends the block;
 * - there is no NUL, and no CR except in line endings, which are the same on every line;
 * - every line is a field, or a continuation that is not blank, and the first line is not `From `;
 * - names are bytes 33 to 126 without parentheses, and have no blank before the colon;
 * - no encoded word hides a line end;
 * - no line looks to some program like a delimiter, the end of the header or the start of encoded data;
 * - the numbers of fields, and of encoded words in them, are within the limits of the reading.
 */
export function headerFault(header: Header): string | undefined {
  const cached = faults.get(header)
  if (cached !== undefined) return cached.fault
  const fault = findHeaderFault(header)
  faults.set(header, { fault })
  return fault
}

/** The faults found before: several stages examine the same block, which is immutable. */
const faults = new WeakMap<Header, { readonly fault: string | undefined }>()

function findHeaderFault(header: Header): string | undefined {
  const { bytes: block, text } = header
  if (block.length === 0) return 'no header'
  if (block[0] === LF || block[0] === CR) return 'the header is empty'
  if (block.includes(0)) return `line ${lineOf(block, block.indexOf(0))} of the header holds a NUL`
  const other = otherLineEnd(text, header.lineEnding)
  if (other >= 0) {
    const fault = header.lineEnding === '\n' ? 'contains a CR' : 'mixes line endings'
    return `line ${lineOf(block, other)} of the header ${fault}`
  }
  if (!EMPTY_LINES[header.lineEnding].some((end) => text.endsWith(end))) {
    return block.length === HEADER_MAX
      ? 'the header is larger than 1 MiB'
      : 'no empty line ends the header'
  }
  if (header.hasTooManyFields) return `the header has more than ${HEADER_FIELDS_MAX} fields`
  const { fields } = header
  const worded = fieldsWithWords(header)
  const limit = limitOfWords(worded.map((field) => header.textOf(field)))
  if (limit !== undefined) return `the header has ${limit}`
  // A match begins with the line end above, if there is one.
  const fieldWith = (match: number) =>
    match < 0 ? undefined : fields.findLast(({ start }) => start <= match + 1)
  // Each is searched for in the whole header at once: in most there is none of them.
  const candidates = [
    { field: fields.find(({ start }) => !isPlainlyNamed(text, start)), fault: NO_FIELD },
    { field: fieldWith(text.search(BLANK_LINE)), fault: BLANK_FOLD },
    { field: worded.find((field) => hidesLineEnd(header.textOf(field))), fault: HIDDEN_END },
    { field: fieldWith(text.search(BEGINS)), fault: BEGINS_DATA },
  ]
  const [first] = candidates
    .filter(({ field }) => field !== undefined)
    .toSorted((a, b) => a.field!.start - b.field!.start)
  return first && `line ${lineOf(block, first.field!.start)} of the header ${first.fault}`
}

/** Returns the fields that have encoded words. */
function fieldsWithWords({ text, fields }: Header): readonly FieldSpan[] {
  let word = -1
  return fields.filter(({ start, end }) => {
    if (word < start) word = text.indexOf('=?', start)
    if (word < 0) word = text.length
    return word < end
  })
}

/**
 * Returns the number of fields at the top of a block that all programs still see as the same fields after an
 * edit. These are the fields above the first line that is not well formed. Below it a program may already be
 * in the body, so only the fields above it may be removed.
 */
export function agreedFieldCount(header: Header): number {
  const { fields } = header
  const mailboxLines = countMailboxLines(header)
  const agreed = fields.findIndex((field, at) => !isAgreed(header, field, at < mailboxLines))
  return agreed < 0 ? fields.length : agreed
}

/** Returns whether every program treats each of these lines, which begin with blanks, as a continuation. */
export function areContinuations(lines: string, ending: LineEnding): boolean {
  if (!hasPlainLines(lines, ending)) return false
  return !/^[ \t]*$/m.test(lines.replaceAll('\r', '').slice(0, -1))
}

function isAgreed(header: Header, field: FieldSpan, isOfMailbox: boolean): boolean {
  const text = header.textOf(field)
  const isField = isOfMailbox || isPlainlyNamed(text, 0)
  return isField && hasPlainLines(text, header.lineEnding) && !/^[ \t]+\r?\n/m.test(text)
}

function hasPlainLines(text: string, ending: LineEnding): boolean {
  return !text.includes('\0') && otherLineEnd(text, ending) < 0
}

/**
 * Returns the offset of the first CR or LF that is not part of a line ending of this kind, or -1 if there is
 * none.
 */
export function otherLineEnd(text: string, ending: LineEnding): number {
  return ending === '\r\n' ? text.search(/\r(?!\n)|(?<!\r)\n/) : text.indexOf('\r')
}

/** Returns whether a field begins here for every program. */
function isPlainlyNamed(text: string, start: number): boolean {
  FIELD.lastIndex = start
  return FIELD.test(text)
}

function lineOf(block: Buffer, at: number): number {
  let line = 1
  for (let lf = block.indexOf(LF); lf >= 0 && lf < at; lf = block.indexOf(LF, lf + 1)) line++
  return line
}

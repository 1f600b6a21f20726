import {
  BACKSLASH,
  COLON,
  CR,
  EQUALS,
  LF,
  QUOTE,
  SEMICOLON,
  SPACE,
  TAB,
} from '../../../base/bytes/ascii.ts'
import { Bytes, type MailBytes, shortText } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import { base64 } from '../decoders/base64.ts'
import { toUtf8 } from '../decoders/charsets.ts'
import { chained, type Decoder, decoded, inPieces } from '../decoders/decoder.ts'
import { quotedPrintable } from '../decoders/quoted-printable.ts'
import { unescaped, unpercented } from '../decoders/text-transforms.ts'
import { eachWay, type Way } from '../quirks/way.ts'
import type { Container, Opening } from './container.ts'

/**
 * Yields each file in a value of a calendar (RFC 5545 3.1) or of cards (RFC 6350 3.2, vCard 2.1). Every
 * property that declares a file is read, and so are the properties defined for files. Where programs differ
 * about the lines, the other ways of reading them are tried as well.
 */
function* open(source: MailBytes, opening: Opening): Steps<boolean> {
  const { work, isDeclared } = opening
  if (!isDeclared && !(yield* beginsCalendar(source, work))) return false
  const charset = utf16Of(source)
  if (charset === undefined) yield* readInEachWay(Bytes.of(source), opening)
  else {
    const read = (text: Bytes) => readInEachWay(text, opening)
    yield* decoded(Bytes.of(source), toUtf8(charset)[0]!, work, read)
  }
  return true
}

export const calendar: Container = { kind: 'calendar', declaredAs: 'calendar', open }

function* readInEachWay(source: Bytes, opening: Opening): Steps {
  const { work } = opening
  for (const way of eachWay()) {
    const read = (lines: Bytes) => emitProperties(lines, way, opening)
    yield* decoded(source, unfolded, work, read, way)
  }
}

/** The bytes at the front in which the first line must begin. */
const BEGINS_WITHIN = 512

const FIRST_LINE =
  /^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\0-\x20]*begin[ \t]*(?:;[^:]*)?:[ \t]*(?:vcalendar|vcard)/i

/** Returns whether the bytes begin as a calendar or a card, in UTF-8 or in UTF-16. */
function* beginsCalendar(source: MailBytes, work: Work): Steps<boolean> {
  const text = (yield* work.text(source, 0, BEGINS_WITHIN)).replaceAll('\0', '')
  return FIRST_LINE.test(text.replace(/(?:\r{0,3}\n|\r)[ \t]/g, ''))
}

/** Returns the normalized name of the character set of a text by its first bytes, if it is UTF-16. */
function utf16Of(source: MailBytes): 'utf16le' | 'utf16be' | undefined {
  const { 0: first = 0, 1: second = 0 } = source
  if ((first === 0xff && second === 0xfe) || (first > 0 && second === 0)) return 'utf16le'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second > 0)) return 'utf16be'
  return undefined
}

/** Joins the lines of each property, and ends it with LF. Of empty lines below it, one stays. CRs are removed. */
const unfolded: Decoder = (bytes, out, way) => {
  let at = 0
  let last = 0
  /** The line ends that were not put yet: one, or more. */
  let ends = 0
  /** Takes the first byte of a line. Returns whether it is a blank that marks a fold. */
  const beginLine = (byte: number) => {
    const isBlank = byte === SPACE || byte === TAB
    const isFold =
      isBlank &&
      (ends === 1 || way.does('calendar fold') === 'goes on with the line above') &&
      !(ends === 1 && last === EQUALS && hasSoftBreaks(way))
    if (!isFold) out.put(LF)
    if (!isFold && ends > 1) out.put(LF)
    ends = 0
    return isBlank
  }
  return inPieces(bytes, (end) => {
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (byte === LF) ends++
      else if (byte === CR) {
        if (isBareCr(bytes, at) && way.does('calendar CR') === 'ends a line') ends++
      } else if (ends === 0 || !beginLine(byte)) {
        out.put(byte)
        last = byte
      }
    }
  })
}

/** Whether text follows the last one of CRs. */
function isBareCr(bytes: MailBytes, at: number): boolean {
  const next = bytes[at + 1]
  return next !== undefined && next !== CR && next !== LF
}

function hasSoftBreaks(way: Way): boolean {
  return way.does('calendar soft break') === 'goes on in the next line'
}

/** Emits the files in unfolded lines. */
function* emitProperties(text: Bytes, way: Way, { work, emit }: Opening): Steps {
  const lines = yield* work.gather(text)
  for (let at = 0; at < lines.length; ) {
    let end = yield* lineEndBelow(lines, at, work)
    const heads = headsOf(yield* work.searched(lines, at, end), at)
    const isQuoted = heads.some(({ isQuotedPrintable }) => isQuotedPrintable)
    while (isQuoted && hasLineBelow(lines, end) && hasSoftBreaks(way)) {
      end = yield* lineEndBelow(lines, end + 1, work)
    }
    const isBase64 = heads.some((head) => head.isBase64)
    const ends = isBase64 ? yield* endsOfBase64(lines, end, work) : [end]
    for (const head of heads)
      for (const to of head.isBase64 ? ends : [end])
        yield* emitFiles(head, lines.subarray(head.valueAt, to), work, emit)
    at = end + 1
  }
}

/** Returns where a line ends. It is counted. */
function* lineEndBelow(lines: MailBytes, from: number, work: Work): Steps<number> {
  const end = (yield* work.indexOf(lines, [LF], from)) ?? lines.length
  yield* work.countUnits(costs.entry + end - from)
  return end
}

/** Whether a line ends in a soft break, above a line that is not empty. */
function hasLineBelow(lines: MailBytes, end: number): boolean {
  return lines[end - 1] === EQUALS && end + 1 < lines.length && lines[end + 1] !== LF
}

/**
 * Returns where a value in base64 may end: with its line, at an empty one, and above the next property. Some writers of
 * vCard 2.1 put no blanks in front of its further lines.
 */
function* endsOfBase64(lines: MailBytes, lineEnd: number, work: Work): Steps<Iterable<number>> {
  let last = lineEnd
  let empty: number | undefined
  for (let at = lineEnd + 1; at < lines.length; ) {
    const end = yield* lineEndBelow(lines, at, work)
    if (yield* work.includes(lines.subarray(at, end), [COLON, SEMICOLON])) break
    if (end === at) empty ??= last
    else last = end
    at = end + 1
  }
  return new Set([lineEnd, empty ?? last, last])
}

/** Upper limit for the characters of a word that are read: of a longer one, the last ones. */
const CALENDAR_WORD_MAX = 2048
/** Upper limit for the names of a file: the first ones, and the last. */
const FILE_NAMES_MAX = 50

/** The properties whose values are files, or URLs. */
const OF_FILE = /^(?:.*\.)?(?:attach|image|key)$/i
/** The properties of a card that programs show or play. None saves their values as files. */
const SHOWN_PROPERTY = /^(?:.*\.)?(?:photo|logo|sound)$/i
const ENCODING_NAME = /^(?:x-)?encoding$/i
/** The name of a parameter whose value may be BASE64. vCard 2.1 omits the name. */
const TYPE_NAME = /^(?:|type|value)$/i
const IN_BASE64 = /^(?:b|b64|base-?64|binary)$/i
const NOT_IN_BASE64 = /^(?:|7bit|8bit|quoted-printable)$/i
const IN_QUOTED_PRINTABLE = /^quoted-printable$/i
const FILE_NAME = /(?:^|[-_])(?:file-?name|name|label|title)$/i
const COMMA = 0x2c

/** The text before a value: the name of the property, and its parameters (RFC 5545 3.2, RFC 6350 5, vCard 2.1). */
class PropertyHead {
  /** The offset of the value in all lines, or undefined if there is none. */
  valueAt: number | undefined
  hasQuotesInWords = false
  isOfFile = false
  isShown = false
  isBase64 = false
  isQuotedPrintable = false
  readonly names: string[] = []

  /** Reads the line at an offset. To KContacts, quotes inside of words are not special. */
  constructor(line: Buffer, from: number, knowsQuotesInWords: boolean) {
    let parameter: string | undefined // its name, or undefined in the name of the property
    let wordAt = 0
    let isEmpty = true
    let isQuoted = false
    const takeWord = (end: number) => {
      const word = line.toString('latin1', Math.max(wordAt, end - CALENDAR_WORD_MAX), end)
      wordAt = end + 1
      isEmpty = true
      return word.replaceAll('"', '').trim()
    }
    for (let at = 0; at < line.length && this.valueAt === undefined; at++) {
      const byte = line[at]!
      if (byte === QUOTE) {
        this.hasQuotesInWords ||= !isQuoted && !isEmpty
        isQuoted = !isQuoted && (knowsQuotesInWords || isEmpty)
      } else if (isQuoted) isEmpty = false
      else if (byte === COLON || byte === SEMICOLON) {
        this.#takeWord(parameter, takeWord(at))
        parameter = ''
        if (byte === COLON) this.valueAt = from + at + 1
      } else if (byte === EQUALS && parameter === '') parameter = takeWord(at)
      else if (byte === COMMA && parameter !== undefined) this.#takeWord(parameter, takeWord(at))
      else isEmpty = false
    }
  }

  #takeWord(parameter: string | undefined, word: string): void {
    if (parameter === undefined) {
      this.isOfFile = OF_FILE.test(word)
      this.isShown = SHOWN_PROPERTY.test(word)
    } else if (ENCODING_NAME.test(parameter)) {
      this.isBase64 ||= !NOT_IN_BASE64.test(word)
      this.isQuotedPrintable ||= IN_QUOTED_PRINTABLE.test(word)
    } else if (TYPE_NAME.test(parameter)) {
      this.isBase64 ||= IN_BASE64.test(word)
      this.isQuotedPrintable ||= IN_QUOTED_PRINTABLE.test(word)
    } else if (FILE_NAME.test(parameter) && word !== '') {
      if (this.names.length === FILE_NAMES_MAX) this.names.pop()
      this.names.push(word)
    }
  }
}

/** Returns the heads of a line with a value, as programs read them. */
function headsOf(line: Buffer, from: number): readonly PropertyHead[] {
  const head = new PropertyHead(line, from, true)
  const heads = head.hasQuotesInWords ? [head, new PropertyHead(line, from, false)] : [head]
  return heads.filter(({ valueAt }) => valueAt !== undefined)
}

/** Minimum length, in characters, of a file whose property does not state its encoding. */
const UNDECLARED_MIN = 64
/** Upper limit for the bytes examined between `data:` and the comma. */
const MEDIA_TYPE_MAX = 4096

/** Emits the files that the value of a property is. */
function* emitFiles(
  { isShown, isBase64, isOfFile, isQuotedPrintable, names }: PropertyHead,
  bytes: MailBytes,
  work: Work,
  emit: Opening['emit'],
): Steps {
  if (isShown || bytes.length === 0) return
  const isUrl = isDataUrl(bytes)
  if (isUrl) yield* emitFileOfUrl(bytes, names, work, emit)
  if (isBase64) {
    yield* emit({ bytes, decoder: base64, names })
    if (yield* work.includes(bytes, [BACKSLASH]))
      yield* emit({ bytes, decoder: chained([unescaped, base64]), names })
  } else if (isUrl || !isOfFile) return
  else if (isQuotedPrintable) yield* emit({ bytes, decoder: quotedPrintable, names })
  else if (bytes.length >= UNDECLARED_MIN && !(yield* work.includes(bytes, [COLON])))
    yield* emit({ bytes, decoder: base64, names }) // ez-vcard reads a value that is not a URL as base64
}

function isDataUrl(value: MailBytes): boolean {
  let at = 0
  while (value[at]! <= SPACE && value[at] !== LF) at++
  return shortText(value, at, 'data:'.length).toLowerCase() === 'data:'
}

/** Emits the file of a `data:` URL (RFC 2397). */
function* emitFileOfUrl(
  url: MailBytes,
  names: readonly string[],
  work: Work,
  emit: Opening['emit'],
): Steps {
  const comma = yield* work.indexOf(url, [COMMA])
  if (comma === undefined) return
  const type = yield* work.text(url, Math.max(0, comma - MEDIA_TYPE_MAX), comma)
  const named = [...type.matchAll(/;(?:file)?name=([^;]*)/gi)].map(([, name]) => name!)
  const isBase64 = /;\s*base64\s*$/i.test(type)
  const decoder = isBase64 ? chained([unpercented, base64]) : unpercented
  const bytes = url.subarray(comma + 1)
  yield* emit({ bytes, decoder, names: [...names, ...named.slice(0, FILE_NAMES_MAX)] })
}

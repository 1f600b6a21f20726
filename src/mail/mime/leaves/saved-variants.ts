import { isAscii } from 'node:buffer'
import { SPACE } from '../../../base/bytes/ascii.ts'
import { Bytes } from '../../message/bytes.ts'
import { costs, SEARCHED_PER_UNIT } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import { changesAscii, isUnreadable, toUtf8 } from '../decoders/charsets.ts'
import { decoded } from '../decoders/decoder.ts'
import { lineEnds, unflowed, unstuffed } from '../decoders/text-transforms.ts'
import { type Encoding, transferEncodings } from '../headers/encodings.ts'
import type { DeclaredAs } from '../headers/part-header.ts'
import { isDecodedIn, isTextOfMail, type Leaf } from '../structure/leaf.ts'
import type { Extraction } from './extraction.ts'
import { beginsAsMail, isKnownAsMail } from './mail-starts.ts'
import { openContainers, openEmbedded } from './open-content.ts'
import { type FileContent, type SavedFile, savedFiles } from './saved-files.ts'
import {
  mayBeginFile,
  NO_LINE_END,
  splitLineEnd,
  type TextProperties,
  textPropertiesOf,
} from './text-properties.ts'

/** A content as programs decode it. */
interface DecodedContent {
  /** The content without its last line end, unless that was encoded. */
  readonly bare: Bytes
  /** Its last line end, or nothing. That of a file mostly belongs to the delimiter below it. */
  readonly end: Buffer
  /** The encoding that it had, unless it was converted as well. */
  readonly encoding?: Encoding
  /** How its lines end. Without it they stay as they are. */
  readonly lines?: TextProperties | undefined
}

/** Upper limit for the bytes of a content that is also emitted with the other kind of line ends. */
const LINE_ENDS_MAX = 1024 * 1024

/** What most programs show as a text is one, and gets no CR LF. */
const TEXT = { isText: true, lf: false }

const toLf = lineEnds({ to: 'lf', bareCr: 'itself' })

/**
 * The variants in which programs save a leaf part, or display it, however they decode it.
 */
export class SavedVariants {
  readonly #leaf: Leaf
  /** Whether the mail ends with the leaf. If no delimiter follows, the last line end belongs to the content. */
  readonly #endsMail: boolean
  readonly extraction: Extraction
  /** What was passed to saveAsDecoded(), each content by its key. */
  readonly #decoded = new Set<string>()

  constructor(leaf: Leaf, endsMail: boolean, extraction: Extraction) {
    this.#leaf = leaf
    this.#endsMail = endsMail
    this.extraction = extraction
  }

  /** Returns the variants of a file, ignoring the header. */
  ofFile(): SavedVariants {
    const header = { ...this.#leaf.header, isShown: false, isSaved: true }
    return new SavedVariants({ ...this.#leaf, header }, this.#endsMail, this.extraction)
  }

  /**
   * Emits a content as nearly all programs decode it: text in the one variant that is displayed, and a file in each
   * variant that some program saves. Returns whether it was emitted, or is left to the scan of the whole.
   */
  *save(
    { bare, end, encoding }: Required<Omit<DecodedContent, 'lines'>>,
    isCovered = false,
  ): Steps<boolean> {
    const { header, role } = this.#leaf
    const extraction = this.extraction
    const { isShown } = header
    yield* this.#saveInUtf8(bare, end)
    const { encodes } = transferEncodings[encoding]
    const isMessage = encodes === 'nothing' && header.isMessage
    if (isMessage && !isKnownAsMail(bare)) yield* extraction.emit(bare, { isMail: true })
    if (isMessage && beginsAsMail(bare)) {
      // Its parts are contents of their own, so it is a file in one variant only.
      yield* extraction.emit(bare)
      yield* openContainers(bare, extraction)
      return true
    }
    // The line end below a file that was encoded is none of its own.
    const own = encodes === 'nothing' || isShown ? end : NO_LINE_END
    const lines =
      encodes !== 'bytes' || isShown
        ? yield* textPropertiesOf(bare, extraction.work, own)
        : undefined
    const mayBeText = isShown || (encodes === 'nothing' && role === 'preamble or epilogue')
    if (mayBeText && lines?.isText) {
      return yield* this.#display({ bare, end, encoding, lines }, isCovered)
    }
    const file = { bare, end, encoding, lines: encodes === 'bytes' ? undefined : lines }
    // (The reading of the mail finds the contents of a message that is not encoded.)
    const scoped = isMessage
      ? extraction.at({ declared: asText(extraction.scope.declared) })
      : extraction
    yield* this.#saveFile(file, scoped, isCovered && !isShown)
    return true
  }

  /**
   * Emits what a program makes of a part that decodes it in a way of its own, as a file. There may be dozens of such ways,
   * many with the same result, which is saved once. Its line ends stay, and it is converted only from character sets
   * in which ASCII is another text.
   */
  *saveAsDecoded(bytes: Bytes): Steps {
    const key = yield* this.extraction.keyOf(bytes)
    if (this.#decoded.has(key)) return
    this.#decoded.add(key)
    const save = (bare: Bytes) => this.#saveFile({ bare, end: NO_LINE_END })
    yield* save(bytes)
    yield* this.#inUtf8(bytes, this.#leaf.header.charsets.filter(changesAscii), save)
  }

  /** Emits a content in UTF-8, as programs display or save it that know its character set. */
  *#saveInUtf8(bare: Bytes, end: Buffer): Steps {
    const { charsets, isShown } = this.#leaf.header
    if (charsets.length === 0) return
    // Text that is shown is ASCII to scanners, unless its bytes mean another text.
    const isPlainAscii = isShown || !(yield* this.extraction.work.some(bare, hasEightBits))
    const applicable = charsets.filter((charset) => !isPlainAscii || changesAscii(charset))
    yield* this.#inUtf8(bare, applicable, (utf8) => this.#saveConverted(utf8, end))
  }

  *#saveConverted(bare: Bytes, end: Buffer): Steps {
    if (this.#leaf.header.isShown) {
      yield* this.#emitText(bare)
      yield* this.#openUnstuffed(bare)
    } else {
      const lines = yield* textPropertiesOf(bare, this.extraction.work)
      yield* this.#saveFile({ bare, end, lines })
    }
  }

  *#inUtf8(bytes: Bytes, charsets: readonly string[], save: (utf8: Bytes) => Steps): Steps {
    const { work } = this.extraction
    for (const charset of charsets) {
      if (isUnreadable(charset)) work.leaveUnread(`text in ${charset}, which is not read`)
      for (const make of toUtf8(charset)) {
        yield* work.countUnits(costs.conversion)
        yield* decoded(bytes, make, work, save)
      }
    }
  }

  /**
   * Emits displayed text in the one variant that libclamav makes of it: with its last line end, and with LF as line
   * ends, unless bytes were encoded. Inside the whole message libclamav skips contents that it has already
   * scanned separately and found clean. Returns whether the text was emitted.
   *
   * Two kinds of unchanged text are left to the scan of the whole: plain text of the mail itself, and text between
   * the parts of a multipart. That scan covers its bytes even if it reaches a limit (run-scanners.ts). Some programs
   * save any other text than that of a message. So such a text is also emitted as a file, without the line end
   * above the delimiter.
   */
  *#display(
    { bare, end, encoding, lines }: Required<DecodedContent> & { lines: TextProperties },
    isCovered: boolean,
  ): Steps<boolean> {
    const { header, depth, role } = this.#leaf
    const { encodes } = transferEncodings[encoding]
    const extraction = this.extraction
    const { work, scope } = extraction
    const whole = Bytes.of(bare, end)
    // It may be no multipart, but a file.
    const isUnchanged = encodes === 'nothing'
    if (isUnchanged && header.isMultipart && header.boundary === undefined)
      yield* openContainers(bare, extraction)
    yield* this.#openUnstuffed(bare)
    if (header.declared.has('delsp'))
      yield* decoded(whole, unflowed, work, (joined) => this.#emitText(joined))
    const isOwn = isTextOfMail(this.#leaf) && scope.layers === 0
    const isInMail =
      isUnchanged &&
      ((['text/plain', ''].includes(header.type) && isDecodedIn(depth)) ||
        header.boundary !== undefined)
    const isAttached = role === 'own text' && depth.messages > 0
    if (isOwn && isInMail && !isAttached && !mayBeginFile(whole)) return false
    if (whole.size > 0 && !extraction.isLeftToWhole(isCovered)) {
      const emitOptions = { isCounted: true, isCovered }
      if (encodes === 'bytes' || !lines.crlf) yield* extraction.emit(whole, { isCovered })
      else yield* decoded(whole, toLf, work, (text) => extraction.emit(text, emitOptions))
    }
    if (!isOwn) {
      yield* extraction.emit(bare)
      if (lines.crlf && bare.size <= LINE_ENDS_MAX)
        yield* decoded(bare, toLf, work, (text) => extraction.emit(text, { isCounted: true }))
    }
    if (!isUnchanged) yield* openEmbedded(whole, extraction)
    return true
  }

  /** Emits a displayed text, as some programs have decoded it, and what is encoded in it. */
  *#emitText(text: Bytes): Steps {
    yield* this.extraction.emit(text, { isCounted: true })
    yield* openEmbedded(text, this.extraction)
  }

  /** Opens what is encoded in the lines of a displayed text that are stuffed with blanks. */
  *#openUnstuffed(text: Bytes): Steps {
    const extraction = this.extraction
    if (!(yield* this.#isStuffed(text))) return
    yield* decoded(text, unstuffed, extraction.work, (plain) => openEmbedded(plain, extraction))
  }

  /** Emits a file in each variant that some program saves, and opens those that may hold something else. */
  *#saveFile(content: DecodedContent, extraction = this.extraction, isCovered = false): Steps {
    const { work } = extraction
    for (const saved of savedFiles(yield* this.#fileOf(content))) {
      const { bytes, make } = saved
      // libclamav saves the file as it was decoded.
      const isAsDecoded = isCovered && make === undefined
      const emit = (text: Bytes) => emitVariant(text, saved, extraction, isAsDecoded)
      yield* make === undefined ? emit(bytes) : decoded(bytes, make, work, emit)
    }
  }

  /** Returns what programs may save differently in a content. */
  *#fileOf({ bare, end, encoding, lines }: DecodedContent): Steps<FileContent> {
    const { header } = this.#leaf
    const isFile = !header.isShown
    const hasEncodedLines =
      encoding !== undefined && transferEncodings[encoding].encodes === 'lines'
    const above = hasEncodedLines && isFile ? splitLineEnd(bare) : undefined
    const hasLines = lines !== undefined && bare.size <= LINE_ENDS_MAX
    // To libclamav the last line end belongs to a text whose lines are encoded, whatever is in it.
    const hasEnd = isFile || this.#endsMail || hasEncodedLines
    return {
      bare,
      end: hasEnd ? end : NO_LINE_END,
      shorter: above && above.end.length > 0 ? above.bare : undefined,
      lines: hasLines ? { ...lines, ...(isFile ? {} : TEXT) } : undefined,
      isFlowed: header.declared.has('delsp'),
      isStuffed: yield* this.#isStuffed(bare),
    }
  }

  /** Whether blanks in front of lines may have been added in transit (RFC 3676 4.4). */
  *#isStuffed(text: Bytes): Steps<boolean> {
    if (!this.#leaf.header.declared.has('flowed')) return false
    return yield* hasStuffedLine(text, this.extraction.work)
  }
}

function* emitVariant(
  text: Bytes,
  { end, make, differsInLineEndsAlone }: SavedFile,
  extraction: Extraction,
  isCovered: boolean,
): Steps {
  if (!differsInLineEndsAlone) yield* extraction.open(text, isCovered)
  else yield* extraction.emit(Bytes.of(text, end), { isCounted: make !== undefined })
}

/** Returns a declaration with `message` replaced by `text`. */
export function asText(declared: ReadonlySet<DeclaredAs>): ReadonlySet<DeclaredAs> {
  return new Set([...declared].filter((as) => as !== 'message')).add('text')
}

function hasEightBits(chunk: Buffer): boolean {
  return !isAscii(chunk)
}

/** Returns whether a line begins with a blank. */
function* hasStuffedLine(text: Bytes, work: Work): Steps<boolean> {
  yield* work.countUnits(text.size / SEARCHED_PER_UNIT)
  const bytes = text.gather()
  return bytes[0] === SPACE || bytes.includes('\n ')
}

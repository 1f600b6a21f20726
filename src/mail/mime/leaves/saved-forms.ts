import { isAscii } from 'node:buffer'
import { LF, SPACE } from '../../../lib/bytes/ascii.ts'
import { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { changesAscii, isUnreadable, toUtf8 } from '../decoders/charsets.ts'
import { decoded, makerOf } from '../decoders/decoder.ts'
import { eachHabits } from '../decoders/each-habits.ts'
import { LineEnds } from '../decoders/text-forms.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { PartForm } from '../traits/part-forms.ts'
import { giveCodedWithin } from './coded-contents.ts'
import { giveFromContainers } from './container-contents.ts'
import {
  beginsAsMail,
  isKnownAsMail,
  mayBeginFile,
  NO_LINE_END,
  splitLineEnd,
  type TextProperties,
  textPropertiesOf,
} from './content-checks.ts'
import type { Decoding, GiveReading } from './decoding.ts'
import { type FileContent, type FileForm, fileFormBy, unflow, unstuff } from './file-form.ts'

/** The facts that determine in which forms a content is saved. */
interface Facts {
  readonly header: PartHeader
  /** Whether it is the text of the mail itself (reader/found.ts). */
  readonly isOwnText: boolean
  readonly isPreamble: boolean
  /** Whether libclamav scans a text at that position. */
  readonly isInWhole: boolean
  /** Whether the mail ends here. If no delimiter follows, the last line end belongs to the content. */
  readonly endsMail: boolean
}

/** A content as readers decode it. */
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

/** Upper limit for the bytes of a content that is also yielded with the other kind of line ends. */
const LINE_ENDS_MAX = 1024 * 1024

/**
 * The cost of a conversion from a character set in units of work, in addition to its bytes, which may be few.
 */
const CONVERSION_COST = 1024

/** What most readers show as a text is one, and gets no CR LF. */
const TEXT = { isText: true, lf: false }

const toLf = makerOf(LineEnds, { to: 'lf', bareCr: 'itself' })

/**
 * The forms in which readers save a leaf part, or display it, however they decode it. A file is made in steps:
 * character set, format=flowed, line ends, last line end. What a reader does at each of them is one of its habits
 * (habits/form-habits.ts).
 */
export class SavedForms {
  readonly #facts: Facts
  readonly decoding: Decoding
  /** The readings passed to giveReading(), each by its key. */
  readonly #readings = new Set<string>()

  constructor(facts: Facts, decoding: Decoding) {
    this.#facts = facts
    this.decoding = decoding
  }

  /** Returns the forms of a file, ignoring the header. */
  ofFile(): SavedForms {
    const header = { ...this.#facts.header, text: 'file' as const }
    return new SavedForms({ ...this.#facts, header }, this.decoding)
  }

  /**
   * Yields a content in the common way of decoding: text in the one form in which it is displayed, and a file in
   * each form in which some reader saves it. Returns whether it was yielded, or is left to the scan of the whole.
   */
  *give(
    { bare, end, encoding }: Required<Omit<DecodedContent, 'lines'>>,
    form?: PartForm,
  ): Steps<boolean> {
    const { header, isPreamble } = this.#facts
    const decoding = this.decoding
    const isShown = header.text !== 'file'
    yield* this.#giveInUtf8(bare, end)
    const isMessage = encoding === 'identity' && header.message !== 'no'
    if (isMessage && !isKnownAsMail(bare)) yield* decoding.give(bare, { isMail: true })
    if (isMessage && beginsAsMail(bare)) {
      // Its parts are contents of their own, so it is a file in one form only.
      yield* decoding.give(bare)
      yield* giveFromContainers(bare, decoding)
      return true
    }
    const hasLines = encoding !== 'base64'
    // The line end below a file that was encoded is none of its own.
    const own = encoding === 'identity' || isShown ? end : NO_LINE_END
    const lines =
      hasLines || isShown ? yield* textPropertiesOf(Bytes.of(bare, own), decoding) : undefined
    const mayBeText = isShown || (encoding === 'identity' && isPreamble)
    if (mayBeText && lines?.isText) {
      return yield* this.#giveShown({ bare, end, encoding, lines }, form)
    }
    const saved = { bare, end, encoding, lines: hasLines ? lines : undefined }
    // (The reading of the mail finds the contents of a message that is not encoded.)
    const scope = isMessage ? decoding.at({ kind: 'text' }) : decoding
    yield* this.#giveSaved(saved, scope, isShown ? undefined : form)
    return true
  }

  /**
   * Yields the output of a way of decoding that only some readers use, as a file. There may be sixty such ways,
   * many with the same result, which is read once. Its line ends stay, and it is converted only from character sets
   * in which ASCII is another text.
   */
  *giveReading(bytes: Bytes): Steps {
    const key = yield* this.decoding.keyOf(bytes)
    if (this.#readings.has(key)) return
    this.#readings.add(key)
    const give = (text: Bytes) => this.#giveSaved({ bare: text, end: NO_LINE_END })
    yield* give(bytes)
    yield* this.#inUtf8(bytes, this.#facts.header.charsets.filter(changesAscii), give)
  }

  /** Yields a content in UTF-8, as readers see or save it that know its character set. */
  *#giveInUtf8(bare: Bytes, end: Buffer): Steps {
    const { charsets, text } = this.#facts.header
    if (charsets.length === 0) return
    // Text that is shown is ASCII to scanners, unless its bytes mean another text.
    const isAscii = text !== 'file' || !(yield* this.decoding.some(bare, hasEightBits))
    const those = charsets.filter((charset) => !isAscii || changesAscii(charset))
    yield* this.#inUtf8(bare, those, (utf8) => this.#giveConverted(utf8, end))
  }

  *#giveConverted(bare: Bytes, end: Buffer): Steps {
    if (this.#facts.header.text === 'file') {
      const lines = yield* textPropertiesOf(bare, this.decoding)
      yield* this.#giveSaved({ bare, end, lines })
    } else {
      yield* this.#giveText(bare)
      yield* this.#giveInStuffed(bare)
    }
  }

  *#inUtf8(bytes: Bytes, charsets: readonly string[], give: GiveReading): Steps {
    for (const charset of charsets) {
      if (isUnreadable(charset)) this.decoding.leaveUnread(`text in ${charset}, which is not read`)
      for (const make of toUtf8(charset)) {
        yield* this.decoding.countUnits(CONVERSION_COST)
        yield* decoded(bytes, make, this.decoding, give)
      }
    }
  }

  /**
   * Yields displayed text in the one form that libclamav makes of it: with its last line end, and with LF as line
   * ends, unless it was decoded from base64. Inside the whole message libclamav skips contents that it has already
   * scanned separately and found clean. Returns whether the text was yielded.
   *
   * Two kinds of unchanged text are left to the scan of the whole: plain text of the mail itself, and text between
   * the parts of a multipart. That scan covers its bytes even if it reaches a limit (run-scanners.ts). Some readers
   * save any other text than that of the mail itself. So such a text is also yielded as a file, without the line end
   * above the delimiter.
   */
  *#giveShown(
    content: DecodedContent & { lines: TextProperties },
    form?: PartForm,
  ): Steps<boolean> {
    const { header, isOwnText, isPreamble, isInWhole } = this.#facts
    const { bare, end, encoding, lines } = content
    const decoding = this.decoding
    const whole = Bytes.of(bare, end)
    const isAsItStands = encoding === 'identity'
    // It may be no multipart, but a file.
    if (isAsItStands && header.multipart === 'maybe') yield* giveFromContainers(bare, decoding)
    yield* this.#giveInStuffed(bare)
    if (header.hints.has('delsp'))
      yield* decoded(whole, unflow, decoding, (joined) => this.#giveText(joined))
    const isOwn = (isOwnText && decoding.depth === 0) || isPreamble
    const isPlainText = header.type === 'text/plain' || header.type === ''
    const isInMail = isAsItStands && ((isPlainText && isInWhole) || header.multipart === 'sure')
    if (isOwn && isInMail && !mayBeginFile(whole)) return false
    const how = { isCounted: true, form }
    if (encoding === 'base64' || !lines.crlf) yield* decoding.give(whole, { form })
    else yield* decoded(whole, toLf, decoding, (text) => decoding.give(text, how))
    if (!isOwn) {
      yield* decoding.give(bare)
      if (lines.crlf && bare.size <= LINE_ENDS_MAX)
        yield* decoded(bare, toLf, decoding, (text) => decoding.give(text, { isCounted: true }))
    }
    if (!isAsItStands) yield* giveCodedWithin(whole, decoding)
    return true
  }

  /** Yields a text that is shown, as some readers have decoded it, and what is encoded in it. */
  *#giveText(text: Bytes): Steps {
    yield* this.decoding.give(text, { isCounted: true })
    yield* giveCodedWithin(text, this.decoding)
  }

  /** Yields what is encoded in the lines of a displayed text that are stuffed with blanks. */
  *#giveInStuffed(text: Bytes): Steps {
    const decoding = this.decoding
    if (!(yield* this.#isStuffed(text))) return
    yield* decoded(text, unstuff, decoding, (plain) => giveCodedWithin(plain, decoding))
  }

  /** Yields a file in each form in which some program saves it, and opens those that may hold something else. */
  *#giveSaved(content: DecodedContent, decoding = this.decoding, form?: PartForm): Steps {
    const file = yield* this.#fileOf(content)
    for (const habits of eachHabits('saving a file', decoding)) {
      const saved = fileFormBy(habits, file)
      if (saved === undefined) continue
      const { bytes, make } = saved
      const give = (text: Bytes) => giveForm(text, saved, decoding, form)
      yield* make === undefined ? give(bytes) : decoded(bytes, make, decoding, give)
    }
  }

  /** Returns what programs may save differently in a content. */
  *#fileOf({ bare, end, encoding, lines }: DecodedContent): Steps<FileContent> {
    const { header, endsMail } = this.#facts
    const isFile = header.text === 'file'
    const ofQuoted = encoding === 'quoted-printable' && isFile ? splitLineEnd(bare) : undefined
    const hasLines = lines !== undefined && bare.size <= LINE_ENDS_MAX
    // To libclamav the last line end belongs to a text in quoted-printable, whatever is in it.
    const hasEnd = isFile || endsMail || encoding === 'quoted-printable'
    return {
      bare,
      end: hasEnd ? end : NO_LINE_END,
      shorter: ofQuoted && ofQuoted.end.length > 0 ? ofQuoted.bare : undefined,
      lines: hasLines ? { ...lines, ...(isFile ? {} : TEXT) } : undefined,
      isFlowed: header.hints.has('delsp'),
      isStuffed: yield* this.#isStuffed(bare),
    }
  }

  /** Whether blanks in front of lines may have been added in transit (RFC 3676 4.4). */
  *#isStuffed(text: Bytes): Steps<boolean> {
    if (!this.#facts.header.hints.has('flowed')) return false
    return yield* hasStuffedLine(text, this.decoding)
  }
}

function* giveForm(
  text: Bytes,
  { end, make, isLikeOther }: FileForm,
  decoding: Decoding,
  form?: PartForm,
): Steps {
  if (!isLikeOther) yield* decoding.giveDecoded(text, form)
  else yield* decoding.give(Bytes.of(text, end), { isCounted: make !== undefined })
}

function hasEightBits(chunk: Buffer): boolean {
  return !isAscii(chunk)
}

/** Returns whether a line begins with a blank. */
function hasStuffedLine(text: Bytes, work: Work): Steps<boolean> {
  let startsLine = true
  return work.some(text, (chunk) => {
    const isStuffed = (startsLine && chunk[0] === SPACE) || chunk.includes('\n ')
    startsLine = chunk.at(-1) === LF
    return isStuffed
  })
}

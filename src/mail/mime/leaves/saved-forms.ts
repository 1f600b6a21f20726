import { isAscii } from 'node:buffer'
import { CR, LF, SPACE } from '../../../lib/bytes/ascii.ts'
import { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { Base64Decoder } from '../decoders/base64.ts'
import { changesAscii, isUnreadable, toUtf8 } from '../decoders/charsets.ts'
import { decoded, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder } from '../decoders/quoted-printable.ts'
import {
  type LineEndMode,
  LineEnds,
  Unflowed,
  Unstuffed,
  WithoutByte,
} from '../decoders/text-forms.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Leaf } from '../reader/reading.ts'
import type { PartForm } from '../traits/forms.ts'
import { giveCodedWithin } from './coded-contents.ts'
import { giveFromContainers } from './container-contents.ts'
import {
  beginsAsMail,
  isKnownAsMail,
  mayBeginFile,
  splitLineEnd,
  type TextProperties,
  textPropertiesOf,
} from './content-checks.ts'
import type { Decoding, GiveReading } from './decoding.ts'
import { giveWithin } from './file-contents.ts'

/** The facts that determine in which forms a content is saved. */
interface Facts {
  readonly header: PartHeader
  /** Whether it is the text of the mail itself (reader/reading.ts). */
  readonly isOwnText: boolean
  /** Whether libclamav scans a text at that position. */
  readonly isInWhole: boolean
  /** Whether the mail ends here. If no delimiter follows, the last line end belongs to the content. */
  readonly endsMail: boolean
  /** Who sees the content. libclamav may not see what only some programs do. */
  readonly seenBy: Leaf['seenBy']
  /** Whether it begins among the lines of a header (reader/reading.ts). */
  readonly isInHeader: boolean
}

/** The properties of a displayed text. */
interface ShownText {
  readonly properties: TextProperties
  /** Whether the mail contains it unchanged. */
  readonly asItStands: boolean
  /** Whether libclamav keeps its line ends. */
  readonly keepsEnds: boolean
  /** The form of the part in the mail, or undefined if libclamav may see other bytes. */
  readonly form: PartForm | undefined
}

/** Upper limit for the bytes of a content that is also yielded with the other kind of line ends. */
const LINE_ENDS_MAX = 1024 * 1024

/**
 * The cost of a conversion from a character set in units of work, in addition to its bytes, which may be few.
 */
const CONVERSION_COST = 1024

const NO_LINE_END = Buffer.alloc(0)

const unflow = makerOf(Unflowed)
const unstuff = makerOf(Unstuffed)
const toLf = makerOf(LineEnds, { to: 'lf', bareCr: 'itself' })
const withoutCrs = makerOf(WithoutByte, CR)

/** The forms in which readers save a leaf part, or display it, however they decode it. */
export class SavedForms {
  readonly #facts: Facts
  readonly #decoding: Decoding
  /** The readings passed to giveReading(), each by its key. */
  readonly #readings = new Set<string>()

  constructor(facts: Facts, decoding: Decoding) {
    this.#facts = facts
    this.#decoding = decoding
  }

  /** Returns the forms of a file, ignoring the header. */
  ofFile(): SavedForms {
    const header = { ...this.#facts.header, text: 'no' as const }
    return new SavedForms({ ...this.#facts, header }, this.#decoding)
  }

  /**
   * Yields a content that is not encoded: text in the one form in which it is displayed, and a file in the
   * forms in which readers save it. The text of the message itself is omitted, because the scan of the whole
   * message covers it. Returns whether the content was yielded.
   */
  *giveAsItStands(part: Bytes, form?: PartForm): Steps<boolean> {
    const { header, isInHeader } = this.#facts
    const decoding = this.#decoding
    const { bare, end } = splitLineEnd(part)
    const isMessage = header.message !== 'no'
    // The parts of a message are separate contents, so the message is given in one form only.
    const isMail = isMessage && beginsAsMail(bare)
    const properties = isMail ? undefined : yield* textPropertiesOf(part, decoding)
    if (properties?.isText && (header.text !== 'no' || header.multipart !== 'no')) {
      // It may be no multipart, but a file.
      if (header.multipart === 'maybe') yield* giveFromContainers(bare, decoding)
      return yield* this.#giveShown(part, bare, {
        properties,
        asItStands: true,
        keepsEnds: false,
        form,
      })
    }
    if (header.hints.has('delsp')) yield* decoding.giveInOneWay(unflow, bare)
    // The surrounding mail contains all its bytes.
    if (isMessage && !isKnownAsMail(bare)) yield* decoding.give(bare, { isMail: true })
    yield* decoding.give(bare)
    if (properties) yield* this.#giveOtherForms(bare, end, properties, part)
    yield* giveFromContainers(bare, decoding)
    if (!isMessage && !isInHeader) yield* giveWithin(bare, decoding)
    return true
  }

  /**
   * Yields the content that all readers decode. `end` is the line end after the encoded text, which belongs
   * to `bytes` if they are displayed text.
   */
  *giveDecodedPlainly(bytes: Bytes, end: Buffer, encoding: Encoding, form?: PartForm): Steps {
    const { header } = this.#facts
    const decoding = this.#decoding
    if (header.text !== 'no') {
      const properties = yield* textPropertiesOf(bytes, decoding)
      if (properties.isText) {
        const bare = encoding === 'base64' ? bytes : splitLineEnd(bytes).bare
        const keepsEnds = encoding === 'base64'
        yield* this.#giveShown(bytes, bare, { properties, asItStands: false, keepsEnds, form })
        yield* giveCodedWithin(bytes, decoding)
        return
      }
    }
    if (encoding === 'base64') {
      yield* decoding.giveDecoded(bytes, header.text !== 'no' ? undefined : form)
      if (header.hints.has('delsp')) yield* decoding.giveInOneWay(unflow, bytes)
      return
    }
    yield* this.giveDecodedForms(bytes, end)
    yield* this.giveWithoutLastEnd(bytes)
  }

  /**
   * Yields displayed text in the one form that libclamav makes of it: with LF as line ends, unless it was
   * decoded from base64. Inside the whole message libclamav skips contents that it has already scanned
   * separately and found clean. Returns whether the text was yielded.
   *
   * Two kinds of unchanged text are left to the scan of the whole: plain text of the mail itself, and text
   * between the parts of a multipart. That scan covers its bytes even if it reaches a limit (run-scanners.ts). Some
   * readers save any other text than that of the mail itself. So such a text is also yielded as a file:
   * `bare`, which is without the line end before the delimiter.
   */
  *#giveShown(
    text: Bytes,
    bare: Bytes,
    { properties, asItStands, keepsEnds, form }: ShownText,
  ): Steps<boolean> {
    const { header, isOwnText, isInWhole } = this.#facts
    const decoding = this.#decoding
    if (header.hints.has('delsp'))
      yield* decoded(text, unflow, decoding, (joined) => this.#giveText(joined))
    const isOwn = (isOwnText && decoding.depth === 0) || header.multipart !== 'no'
    const isPlainText = header.type === 'text/plain' || header.type === ''
    const isInMail = asItStands && ((isPlainText && isInWhole) || header.multipart === 'sure')
    if (isOwn && isInMail && !mayBeginFile(text)) return false
    if (keepsEnds || !properties.crlf) yield* decoding.give(text, { form })
    else {
      const how = { isCounted: true, form }
      yield* decoded(text, toLf, decoding, (lines) => decoding.give(lines, how))
    }
    if (isOwn) return true
    yield* decoding.give(bare)
    yield* this.#giveOtherForms(bare, NO_LINE_END, properties)
    return true
  }

  /**
   * Yields the content decoded from quoted-printable, in the forms in which readers save it. `end` is the
   * line end after the encoded text.
   */
  *giveDecodedForms(source: Bytes, end: Buffer): Steps {
    const decoding = this.#decoding
    const properties = yield* textPropertiesOf(source, decoding)
    yield* decoding.giveDecoded(source)
    yield* this.#giveOtherForms(source, end, properties)
    if (this.#facts.header.hints.has('delsp')) yield* decoding.giveInOneWay(unflow, source)
    if (!properties.isText) yield* decoding.giveInOneWay(withoutCrs, source)
  }

  /** Yields a file decoded from quoted-printable without its last line end, like KMime. */
  *giveWithoutLastEnd(source: Bytes): Steps {
    const { bare, end } = splitLineEnd(source)
    if (end.length === 0 || this.#facts.header.text !== 'no') return
    yield* this.#decoding.give(bare)
    if (end.length > 1 && bare.size <= LINE_ENDS_MAX) {
      yield* this.#decoding.giveInOneWay(toLf, bare)
    }
  }

  /**
   * Yields the bytes, which have no last line end, in each other form in which some reader saves them. The
   * forms have that end or not, and the same or the other kind of line ends. LF becomes CR LF only in a file.
   * `whole` is the content with its last line end, if it exists in one piece.
   */
  *#giveOtherForms(bare: Bytes, end: Buffer, properties: TextProperties, whole?: Bytes): Steps {
    const { header, endsMail, seenBy } = this.#facts
    const decoding = this.#decoding
    const isFile = header.text === 'no'
    const isBareCr = end[0] === CR && end.length === 1
    // ripmime and nmh save a text with its last line end. So does libclamav where it sees the text.
    const hasEnd = end.length > 0 && (isFile || isBareCr || endsMail || seenBy === 'some')
    if (hasEnd) yield* decoding.give(whole ?? Bytes.of(bare, end))
    if (bare.size > LINE_ENDS_MAX) return
    const ways = [
      ...(properties.crlf ? (['lf'] as const) : []),
      ...(properties.lf && isFile ? (['crlf'] as const) : []),
    ]
    // Some readers remove all CRs from a line that ends in several.
    const modes = ways.flatMap((to): LineEndMode[] => [
      { to, bareCr: 'itself' },
      ...(properties.isText ? [] : [{ to, bareCr: 'nothing' } as const]),
    ])
    for (const mode of modes) {
      const make = makerOf(LineEnds, mode)
      const otherEnd = hasEnd ? Buffer.from(mode.to === 'lf' ? '\n' : '\r\n') : NO_LINE_END
      yield* decoded(bare, make, decoding, (text) => this.#giveWithEnd(text, otherEnd))
    }
  }

  /** Gives a text that was decoded, and again with this line end, if there is one. */
  *#giveWithEnd(text: Bytes, end: Buffer): Steps {
    yield* this.#decoding.give(text, { isCounted: true })
    if (end.length > 0) yield* this.#decoding.give(Bytes.of(text, end))
  }

  /**
   * Yields a text as some readers save it: in UTF-8, if they know its character set, and without the blanks
   * with which its lines were stuffed, if they know format=flowed (RFC 3676).
   */
  *giveAsText(part: Bytes, encoding: Encoding): Steps {
    const { charsets, hints } = this.#facts.header
    if ((charsets.length === 0 && !hints.has('flowed')) || encoding === 'uuencode') return
    const { bare, end } = splitLineEnd(part)
    const give = (text: Bytes) => this.#giveTexts(text, end)
    if (encoding === 'identity') yield* give(bare)
    else {
      const make = encoding === 'base64' ? makerOf(Base64Decoder) : makerOf(QuotedPrintableDecoder)
      yield* decoded(bare, make, this.#decoding, give)
    }
  }

  *#giveTexts(text: Bytes, end: Buffer): Steps {
    const { charsets, hints, text: shown } = this.#facts.header
    if (hints.has('flowed')) yield* this.#giveUnstuffed(text)
    // Text that is shown is ASCII to scanners, unless its bytes mean another text.
    const isAscii = shown !== 'no' || !(yield* this.#decoding.some(text, hasEightBits))
    const those = charsets.filter((charset) => !isAscii || changesAscii(charset))
    yield* this.#giveInUtf8(text, those, (utf8) => this.#giveConverted(utf8, end))
  }

  *#giveInUtf8(text: Bytes, charsets: readonly string[], give: GiveReading): Steps {
    for (const charset of charsets) {
      if (isUnreadable(charset)) this.#decoding.leaveUnread(`text in ${charset}, which is not read`)
      for (const make of toUtf8(charset)) {
        yield* this.#decoding.countUnits(CONVERSION_COST)
        yield* decoded(text, make, this.#decoding, give)
      }
    }
  }

  /**
   * Yields the output of a way of decoding that only some readers use, and the texts that they make of it.
   * There may be seventy such ways, many with the same result, which is read once. It is converted only from
   * character sets in which ASCII is another text, and its line ends stay.
   */
  *giveReading(reading: Bytes): Steps {
    const key = yield* this.#decoding.keyOf(reading)
    if (this.#readings.has(key)) return
    this.#readings.add(key)
    const give = (text: Bytes) => this.#giveWithJoinedLines(text)
    yield* give(reading)
    yield* this.#giveInUtf8(reading, this.#facts.header.charsets.filter(changesAscii), give)
  }

  *#giveWithJoinedLines(text: Bytes): Steps {
    const { hints } = this.#facts.header
    yield* this.#decoding.giveDecoded(text)
    if (hints.has('delsp')) yield* this.#decoding.giveInOneWay(unflow, text)
    if (hints.has('flowed')) yield* this.#giveUnstuffed(text)
  }

  *#giveConverted(text: Bytes, end: Buffer): Steps {
    const { hints, text: shown } = this.#facts.header
    if (shown !== 'no') yield* this.#giveText(text)
    else yield* this.giveDecodedForms(text, end)
    if (hints.has('flowed')) yield* this.#giveUnstuffed(text)
  }

  /** Yields a text that is shown, as some readers have decoded it, and what is encoded in it. */
  *#giveText(text: Bytes): Steps {
    yield* this.#decoding.give(text, { isCounted: true })
    yield* giveCodedWithin(text, this.#decoding)
  }

  /** Yields a file with its line stuffing removed; for displayed text, the data encoded in it. */
  *#giveUnstuffed(text: Bytes): Steps {
    const decoding = this.#decoding
    if (!(yield* hasStuffedLine(text, decoding))) return
    if (this.#facts.header.text === 'no') yield* decoding.giveInOneWay(unstuff, text)
    else yield* decoded(text, unstuff, decoding, (plain) => giveCodedWithin(plain, decoding))
  }
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

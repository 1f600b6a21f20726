import { Bytes } from '../../message/bytes.ts'
import { Base64Decoder } from '../decoders/base64.ts'
import { changesAscii, toUtf8 } from '../decoders/charsets.ts'
import { type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder } from '../decoders/quoted-printable.ts'
import {
  type LineEndMode,
  LineEnds,
  Unflowed,
  Unstuffed,
  WithoutByte,
} from '../decoders/text-forms.ts'
import type { Encoding, PartHeader } from '../headers/part-header.ts'
import { CR, LF, SPACE } from '../shared/lines.ts'
import type { Steps } from '../shared/work.ts'
import {
  beginsAsMail,
  CRLF_END,
  firstBytesOf,
  firstNonBlank,
  isKnownAsMail,
  LF_END,
  mayBeginFile,
  NO_LINE_END,
  splitLineEnd,
  type TextProperties,
  textPropertiesOf,
} from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import {
  decoded,
  decodeInOneWay,
  decodeText,
  giveCodedWithin,
  giveDecoded,
  giveFromContainers,
  giveWithin,
} from './decoding.ts'

/** The facts by which it is decided in which forms a content is saved. */
export interface SavingContext {
  readonly header: PartHeader
  /** Whether it is the text of the mail itself (open-contents.ts). */
  readonly isOwnText: boolean
  /** Whether libclamav decodes a text that stands there, and cuts none of its lines. */
  readonly isInWhole: boolean
  /** Whether the mail ends here. If no delimiter follows, the last line end belongs to the content. */
  readonly endsMail: boolean
  /** Whether every reader sees the header of the content. If not, libclamav may not see the content. */
  readonly isSeenByAll: boolean
}

/**
 * Gives a content that is not encoded: text in the one form in which it is shown, and a file in the forms
 * in which readers save it. The text of the mail itself is left out, since the scan of the whole message
 * sees it. Returns whether the content was given.
 */
export function* giveAsItStands(
  part: Bytes,
  saved: SavingContext,
  decoding: Decoding,
): Steps<boolean> {
  const { header } = saved
  const { bare, end } = splitLineEnd(part)
  const start = firstBytesOf(bare)
  const isMessage = header.message !== 'no'
  // The parts of a mail are contents by themselves, so that it is given in one form alone.
  const isMail = isMessage && beginsAsMail(start)
  const properties = isMail ? undefined : yield* textPropertiesOf(part, decoding)
  if (properties?.isText && (header.isText || header.multipart !== 'no')) {
    return yield* giveShown(part, bare, { properties, saved }, decoding)
  }
  if (header.isFlowed) yield* decodeInOneWay(unflow, bare, decoding)
  // All bytes of it stand in the mail around it.
  if (isMessage && !isKnownAsMail(start)) yield* decoding.give(bare, { isMail: true })
  if (properties) yield* giveForms(bare, end, { properties, saved, part }, decoding)
  else yield* decoding.give(bare)
  yield* giveFromContainers(bare, decoding)
  if (!isMessage) yield* giveWithin(bare, decoding)
  return true
}

/**
 * Gives what all readers decode from a content. `end` is the line end that stood after the encoded text,
 * which belongs to `bytes` if they are text that is shown. Returns whether the content was given.
 */
export function* giveDecodedPlainly(
  bytes: Bytes,
  end: Buffer,
  encoding: Encoding,
  saved: SavingContext,
  decoding: Decoding,
): Steps<boolean> {
  const { header } = saved
  if (header.isText) {
    const properties = yield* textPropertiesOf(bytes, decoding)
    if (properties.isText) {
      const bare = encoding === 'base64' ? bytes : splitLineEnd(bytes).bare
      const isGiven = yield* giveShown(bytes, bare, { properties, saved }, decoding)
      yield* giveCodedWithin(bytes, decoding)
      return isGiven
    }
  }
  if (encoding === 'base64') {
    yield* giveDecoded(bytes, decoding)
    if (header.isFlowed) yield* decodeInOneWay(unflow, bytes, decoding)
    return true
  }
  yield* giveDecodedForms(bytes, end, saved, decoding)
  yield* giveWithoutLastEnd(bytes, header, decoding)
  return true
}

/**
 * Gives text that is shown, in the one form that libclamav makes of it: with LF as line ends. What it has
 * called clean by itself it skips inside of the whole message. Plain text of the mail itself, and what
 * stands between the parts of a multipart, is left to the scan of the whole. Any other text than that of
 * the mail itself some readers save, and so it is given as that, too: `bare` is without the line end before the delimiter. Returns whether the text was given.
 */
function* giveShown(
  text: Bytes,
  bare: Bytes,
  context: FormsContext,
  decoding: Decoding,
): Steps<boolean> {
  const { header, isOwnText, isInWhole } = context.saved
  if (header.isFlowed) yield* decodeText(unflow, text, decoding)
  const isOwn = (isOwnText && decoding.depth === 0) || header.multipart !== 'no'
  const isPlainText = header.type === 'text/plain' || header.type === ''
  const isLeft = (isPlainText && isInWhole) || header.multipart === 'sure'
  if (isOwn && isLeft && !mayBeginFile(firstNonBlank(text))) return false
  if (!context.properties.crlf) yield* decoding.give(text)
  else {
    yield* decoded(text, toLf, decoding, (lines) => decoding.give(lines, { isCounted: true }))
  }
  if (!isOwn) yield* giveForms(bare, NO_LINE_END, context, decoding)
  return true
}

/**
 * Gives what came out of quoted-printable, in the forms in which readers save it. `end` is the line
 * end that stood after the encoded text.
 */
export function* giveDecodedForms(
  source: Bytes,
  end: Buffer,
  saved: SavingContext,
  decoding: Decoding,
): Steps {
  const { header } = saved
  const properties = yield* textPropertiesOf(source, decoding)
  yield* giveDecoded(source, decoding)
  yield* giveOtherForms(source, end, { properties, saved }, decoding)
  if (header.isFlowed) yield* decodeInOneWay(unflow, source, decoding)
  if (!properties.isText) yield* decodeInOneWay(withoutCrs, source, decoding)
}

/** Gives a file that came out of quoted-printable without the line end that it ends in, as KMime does. */
export function* giveWithoutLastEnd(source: Bytes, header: PartHeader, decoding: Decoding): Steps {
  const { bare, end } = splitLineEnd(source)
  if (end.length === 0 || header.isText) return
  yield* decoding.give(bare)
  if (end.length > 1 && bare.size <= LINE_ENDS_MAX) yield* decodeInOneWay(toLf, bare, decoding)
}

/** The facts by which the forms of a content are made; `part` is the content with its last line end. */
interface FormsContext {
  readonly properties: TextProperties
  readonly saved: SavingContext
  readonly part?: Bytes
}

/** The most bytes of a content that is given with the other kind of line ends, too. */
const LINE_ENDS_MAX = 1024 * 1024

/**
 * Gives the bytes in each form in which some reader saves them: with and without their last line
 * end, with the line ends as they came, and with all line ends changed to the other kind. LF becomes
 * CR LF only in a file.
 */
function* giveForms(bare: Bytes, end: Buffer, context: FormsContext, decoding: Decoding): Steps {
  yield* decoding.give(bare)
  yield* giveOtherForms(bare, end, context, decoding)
}

/** Gives the bytes in all forms but the one as they came, without the last line end. */
function* giveOtherForms(
  bare: Bytes,
  end: Buffer,
  { properties, saved, part }: FormsContext,
  decoding: Decoding,
): Steps {
  const { header, endsMail, isSeenByAll } = saved
  const isFile = !header.isText
  const isBareCr = end[0] === CR && end.length === 1
  // ripmime and nmh save a text with its last line end. So does libclamav where it sees the text.
  const hasEnd = end.length > 0 && (isFile || isBareCr || endsMail || !isSeenByAll)
  if (hasEnd) yield* decoding.give(part ?? Bytes.of(bare, end))
  if (bare.size > LINE_ENDS_MAX) return
  const ways = [
    ...(properties.crlf ? (['lf'] as const) : []),
    ...(properties.lf && isFile ? (['crlf'] as const) : []),
  ]
  // Some readers take all CRs off a line that ends in several.
  const modes = ways.flatMap((to): LineEndMode[] => [
    { to, bareCr: 'itself' },
    ...(properties.isText ? [] : [{ to, bareCr: 'nothing' } as const]),
  ])
  for (const mode of modes) {
    const make = makerOf(LineEnds, mode)
    yield* decoded(bare, make, decoding, function* (text) {
      yield* decoding.give(text, { isCounted: true })
      if (!hasEnd) return
      yield* decoding.give(Bytes.of(text, mode.to === 'lf' ? LF_END : CRLF_END))
    })
  }
}

const unflow = makerOf(Unflowed)
const toLf = makerOf(LineEnds, { to: 'lf', bareCr: 'itself' })
const withoutCrs = makerOf(WithoutByte, CR)

/** Decodes a part, joins its flowed lines, and gives the result. */
export function giveUnflowed(first: MakeDecoder, part: Bytes, decoding: Decoding): Steps {
  return decoded(part, first, decoding, (text) => decodeInOneWay(unflow, text, decoding))
}

/**
 * Gives a text as readers save it that know its character set, in UTF-8, and those that know
 * format=flowed (RFC 3676), without the blanks that its lines were stuffed with.
 */
export function* giveAsText(
  part: Bytes,
  encoding: Encoding,
  saved: SavingContext,
  decoding: Decoding,
): Steps {
  const { charsets, isStuffed } = saved.header
  if ((charsets.length === 0 && !isStuffed) || encoding === 'uuencode') return
  const { bare, end } = splitLineEnd(part)
  const give = (text: Bytes) => giveInUtf8(text, end, saved, decoding)
  if (encoding === 'identity') yield* give(bare)
  else {
    const make = encoding === 'base64' ? makerOf(Base64Decoder) : makerOf(QuotedPrintableDecoder)
    yield* decoded(bare, make, decoding, give)
  }
}

function* giveInUtf8(text: Bytes, end: Buffer, saved: SavingContext, decoding: Decoding): Steps {
  const { charsets, isStuffed, isText } = saved.header
  if (isStuffed) yield* giveUnstuffed(text, isText, decoding)
  for (const charset of charsets) {
    // Text that is shown is ASCII to scanners, unless its bytes mean another text.
    if (!changesAscii(charset) && (isText || !hasEightBits(text))) continue
    for (const make of toUtf8(charset)) {
      yield* decoded(text, make, decoding, function* (converted) {
        if (isText) {
          yield* decoding.give(converted, { isCounted: true })
          yield* giveCodedWithin(converted, decoding)
        } else yield* giveDecodedForms(converted, end, saved, decoding)
        if (isStuffed) yield* giveUnstuffed(converted, isText, decoding)
      })
    }
  }
}

const unstuff = makerOf(Unstuffed)

/** Gives a file without what its lines were stuffed with; of text that is shown, what is encoded in it. */
function* giveUnstuffed(text: Bytes, isText: boolean, decoding: Decoding): Steps {
  if (!hasStuffedLine(text)) return
  if (!isText) yield* decodeInOneWay(unstuff, text, decoding)
  else yield* decoded(text, unstuff, decoding, (plain) => giveCodedWithin(plain, decoding))
}

function hasEightBits(text: Bytes): boolean {
  for (const chunk of text.chunks()) {
    for (let at = 0; at < chunk.length; at++) if (chunk[at]! >= 0x80) return true
  }
  return false
}

/** Returns whether a line begins with a blank. */
function hasStuffedLine(text: Bytes): boolean {
  let startsLine = true
  for (const chunk of text.chunks()) {
    if (startsLine && chunk[0] === SPACE) return true
    if (chunk.includes('\n ')) return true
    startsLine = chunk.at(-1) === LF
  }
  return false
}

import { Bytes } from '../../message/bytes.ts'
import { type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import { type LineEndMode, LineEnds, Unflowed, WithoutByte } from '../decoders/text-forms.ts'
import type { Encoding, PartHeader } from '../headers/part-header.ts'
import { CR, LF, SPACE, TAB } from '../shared/lines.ts'
import { countBytes, countWork, PIECE, type Steps, type Work } from '../shared/work.ts'
import {
  beginsAsMail,
  CRLF_END,
  firstBytesOf,
  firstNonBlank,
  isKnownAsMail,
  LF_END,
  NO_LINE_END,
  splitLineEnd,
} from './content-checks.ts'
import { type Decoding, giveContent } from './contents-state.ts'
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
  if (isMessage && !isKnownAsMail(start)) yield* giveContent(bare, { isMail: true }, decoding)
  if (properties) yield* giveForms(bare, end, { properties, saved, part }, decoding)
  else yield* giveContent(bare, {}, decoding)
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
  if (!context.properties.crlf) yield* giveContent(text, {}, decoding)
  else {
    yield* decoded(text, toLf, decoding, (lines) =>
      giveContent(lines, { isCounted: true }, decoding),
    )
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
  yield* giveContent(bare, {}, decoding)
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
  yield* giveContent(bare, {}, decoding)
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
  if (hasEnd) yield* giveContent(part ?? Bytes.of(bare, end), {}, decoding)
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
      yield* giveContent(text, { isCounted: true }, decoding)
      if (!hasEnd) return
      yield* giveContent(Bytes.of(text, mode.to === 'lf' ? LF_END : CRLF_END), {}, decoding)
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

/** What inspectText found out about the bytes so far. */
interface TextProperties {
  /** Whether all bytes were printable characters (of 8 bits), tabs, form feeds and line ends. */
  isText: boolean
  /** Whether a line ended in LF alone. */
  lf: boolean
  /** Whether a line ended in CR LF. */
  crlf: boolean
}

export function newTextProperties(): TextProperties {
  return { isText: true, lf: false, crlf: false }
}

function* textPropertiesOf(source: Bytes, work: Work): Steps<TextProperties> {
  countBytes(work, source.size)
  const properties = newTextProperties()
  let last = -1
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const end = Math.min(chunk.length, at + PIECE)
      last = inspectText(properties, chunk, at, end, last)
      yield* countWork(work, end - at)
    }
  }
  return properties
}

/** Inspects the next bytes. Returns the last of them, which the next call gets as `last`. */
export function inspectText(
  properties: TextProperties,
  bytes: Buffer,
  from: number,
  to: number,
  last: number,
): number {
  let before = last
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte < SPACE) {
      if (byte === LF) {
        if (before === CR) properties.crlf = true
        else properties.lf = true
      } else if (byte !== TAB && byte !== CR && byte !== 0x0c) properties.isText = false
      if (before === CR && byte !== LF) properties.isText = false
    } else if (before === CR) properties.isText = false
    before = byte
  }
  return before
}

/**
 * Whether a text that begins with this character may be a file: HTML, PDF, PostScript, RTF, a
 * script.
 */
export function mayBeginFile(byte: number): boolean {
  return '<%{#!@['.includes(String.fromCharCode(byte))
}

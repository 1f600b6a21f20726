import { isAscii } from 'node:buffer'
import { SPACE } from '../../../base/bytes/ascii.ts'
import { Bytes, type MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import { changesAscii, isUnreadable, toUtf8 } from '../decoders/charsets.ts'
import { decoded } from '../decoders/decoder.ts'
import { type LineEndMode, lineEnds, unflowed, unstuffed } from '../decoders/text-transforms.ts'
import { type Encoding, transferEncodings } from '../headers/encodings.ts'
import { isDecodedIn, isTextOfMail, type Leaf } from '../structure/leaf.ts'
import { asText } from './declared.ts'
import type { Extraction } from './extraction.ts'
import { beginsAsMail, isMailToLibclamav } from './mail-starts.ts'
import { openContainers, openEmbedded } from './open-content.ts'
import {
  mayBeginFile,
  NO_LINE_END,
  splitLineEnd,
  type TextProperties,
  textPropertiesOf,
} from './text-properties.ts'

/** A content of a leaf part as nearly all programs decode it. */
interface DecodedContent {
  /** The content without its last line end, unless that was encoded. */
  readonly bare: Bytes
  /** Its last line end, or nothing. That of a file mostly belongs to the delimiter below it. */
  readonly end: MailBytes
  readonly encoding: Encoding
}

/** Upper limit for the bytes of a content that is also emitted with the other kind of line ends. */
const LINE_ENDS_MAX = 1024 * 1024

/**
 * What programs take a content for. Each is emitted so:
 *
 * | | a text | anything else |
 * | --- | --- | --- |
 * | own text, and around parts | once, or not if scanners see it in the message | a file |
 * | another part | once, and as a file | a file, with each kind of line ends |
 * | a message, unencoded | once | once, or a file if it does not begin like mail |
 */
type TakenFor =
  /** Its parts are contents of their own. */
  | { readonly kind: 'message' }
  /** A text that they display. */
  | { readonly kind: 'text'; readonly lines: TextProperties }
  /** A file that they save, in lines if they may write them with other ends. */
  | { readonly kind: 'file'; readonly lines: TextProperties | undefined }

/**
 * Emits a content as programs display it, if it is a text, or as they save it. Returns whether it was emitted: a text that
 * is unchanged in the whole is not.
 */
export function* saveContent(
  content: DecodedContent,
  leaf: Leaf,
  extraction: Extraction,
): Steps<boolean> {
  const { bare, end, encoding } = content
  yield* saveInUtf8(content, leaf, extraction)
  const isMessage = isPlainMessage(content, leaf)
  if (isMessage && !(yield* isMailToLibclamav(bare, extraction.work)))
    yield* extraction.emit(bare, { isMail: true })
  const taken = yield* takenFor(content, leaf, extraction.work)
  if (taken.kind === 'text') return yield* displayText(content, taken.lines, leaf, extraction)
  if (taken.kind === 'message') {
    yield* extraction.emit(bare)
    yield* openContainers(bare, extraction)
    return true
  }
  // (The reading of the mail finds the contents of a message that is not encoded.)
  const opened = isMessage ? extraction.at({ declared: asText(extraction.declared) }) : extraction
  yield* saveFile(bare, end, leaf, opened, taken)
  if (transferEncodings[encoding].encodes === 'lines')
    yield* extraction.emit(splitLineEnd(bare).bare)
  return true
}

/** Whether a content is declared as a message, and is not encoded. */
function isPlainMessage({ encoding }: DecodedContent, { header }: Leaf): boolean {
  return transferEncodings[encoding].encodes === 'nothing' && header.isMessage
}

function* takenFor(content: DecodedContent, leaf: Leaf, work: Work): Steps<TakenFor> {
  const { bare, end, encoding } = content
  const { isShown } = leaf.header
  if (isPlainMessage(content, leaf) && (yield* beginsAsMail(bare, work))) return { kind: 'message' }
  const { encodes } = transferEncodings[encoding]
  if (encodes === 'bytes' && !isShown) return { kind: 'file', lines: undefined }
  // The line end below a file that was encoded is none of its own.
  const own = encodes === 'nothing' || isShown ? end : NO_LINE_END
  const lines = yield* textPropertiesOf(bare, work, own)
  const isBesideParts = encodes === 'nothing' && leaf.role === 'preamble or epilogue'
  if ((isShown || isBesideParts) && lines.isText) return { kind: 'text', lines }
  if (encodes === 'bytes') return { kind: 'file', lines: undefined }
  // What most programs show as a text gets no CR LF.
  return { kind: 'file', lines: { ...lines, hasLf: lines.hasLf && !isShown } }
}

/**
 * Emits what a program makes of a part that decodes it in a way of its own, as a file. Its line ends stay, and it is converted
 * only from character sets in which ASCII is another text.
 */
export function* saveAsDecoded(bytes: Bytes, leaf: Leaf, extraction: Extraction): Steps {
  const save = (text: Bytes) => saveFile(text, NO_LINE_END, leaf, extraction)
  yield* save(bytes)
  yield* inUtf8(bytes, leaf.header.charsets.filter(changesAscii), extraction, save)
}

/** Emits a content in UTF-8, as programs display or save it that know its character set. */
function* saveInUtf8({ bare, end }: DecodedContent, leaf: Leaf, extraction: Extraction): Steps {
  const { work } = extraction
  const { charsets, isShown } = leaf.header
  if (charsets.length === 0) return
  // Text that is shown is ASCII to scanners, unless its bytes mean another text.
  const isPlainAscii = isShown || !(yield* work.some(bare, (chunk) => !isAscii(chunk)))
  const applicable = charsets.filter((charset) => !isPlainAscii || changesAscii(charset))
  yield* inUtf8(bare, applicable, extraction, (utf8) =>
    isShown ? showText(utf8, extraction) : saveText(utf8, end, leaf, extraction),
  )
}

function* saveText(text: Bytes, end: MailBytes, leaf: Leaf, extraction: Extraction): Steps {
  const lines = yield* textPropertiesOf(text, extraction.work)
  yield* saveFile(text, end, leaf, extraction, { lines })
}

/** Emits a displayed text, as some programs have decoded it, and what is encoded in it. */
function* showText(text: Bytes, extraction: Extraction): Steps {
  yield* extraction.emit(text, { isCounted: true })
  yield* openEmbedded(text, extraction)
}

function* inUtf8(
  bytes: Bytes,
  charsets: readonly string[],
  { work }: Extraction,
  save: (utf8: Bytes) => Steps,
): Steps {
  for (const charset of charsets) {
    if (isUnreadable(charset))
      work.leaveUnread(`text in ${charset}, which is not read`, 'unreadable')
    for (const decoder of toUtf8(charset)) {
      yield* work.countUnits(costs.conversion)
      yield* decoded(bytes, decoder, work, save)
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
function* displayText(
  { bare, end, encoding }: DecodedContent,
  { hasCrlf }: TextProperties,
  leaf: Leaf,
  extraction: Extraction,
): Steps<boolean> {
  const { header, depth, role } = leaf
  const { work, layers, options } = extraction
  const whole = Bytes.of(bare, end)
  if (header.declared.has('delsp'))
    yield* decoded(whole, unflowed, work, (joined) => showText(joined, extraction))
  const { encodes } = transferEncodings[encoding]
  const isUnchanged = encodes === 'nothing'
  const isOwn = isTextOfMail(leaf) && layers === 0
  const isPlain = ['text/plain', ''].includes(header.type) && isDecodedIn(depth)
  const isInMail = isUnchanged && (isPlain || header.boundary !== undefined)
  const isAttached = role === 'own text' && depth.messages > 0
  const isSeen = isInMail && !options.emitsOwnText
  if (isOwn && isSeen && !isAttached && !(yield* mayBeginFile(whole, work))) return false
  if (encodes === 'bytes' || !hasCrlf) yield* extraction.emit(whole)
  else yield* decoded(whole, toLf, work, (text) => extraction.emit(text, { isCounted: true }))
  if (!isOwn) {
    yield* extraction.emit(bare)
    if (hasCrlf && bare.size <= LINE_ENDS_MAX)
      yield* decoded(bare, toLf, work, (text) => extraction.emit(text, { isCounted: true }))
  }
  if (!isUnchanged) yield* openEmbedded(whole, extraction)
  return true
}

/**
 * Emits a file as programs save it, with line ends of their own, with or without the last one, as random messages show, and
 * opens it. Mutt and Thunderbird also join flowed lines (RFC 3676 4.1), and mutt removes blanks in front of lines that were
 * added in transit (4.4). What differs in its line ends alone is not opened again. (In a binary file a CR may have been
 * added.)
 */
function* saveFile(
  bare: Bytes,
  end: MailBytes,
  { header }: Leaf,
  extraction: Extraction,
  { lines }: { readonly lines?: TextProperties | undefined } = {},
): Steps {
  const { work } = extraction
  yield* extraction.extract(bare)
  if (header.declared.has('delsp'))
    yield* decoded(bare, unflowed, work, (text) => extraction.extract(text))
  if (header.declared.has('flowed') && (yield* hasStuffedLine(bare, work)))
    yield* decoded(bare, unstuffed, work, (text) => extraction.extract(text))
  const modes = bare.size <= LINE_ENDS_MAX && lines ? modesFor(lines) : []
  for (const mode of modes) {
    const isSame = mode.to === 'crlf' || (lines?.isText && mode.bareCr === 'itself')
    yield* decoded(bare, lineEnds(mode), work, (text) =>
      isSame ? extraction.emit(text, { isCounted: true }) : extraction.extract(text),
    )
  }
  if (end.length === 0) return
  yield* extraction.emit(Bytes.of(bare, end))
  for (const mode of modes) {
    const emit = (text: Bytes) =>
      extraction.emit(Bytes.of(text, END_IN[mode.to]), { isCounted: true })
    yield* decoded(bare, lineEnds(mode), work, emit)
  }
}

const END_IN = { lf: Buffer.from('\n'), crlf: Buffer.from('\r\n') }
const toLf = lineEnds({ to: 'lf', bareCr: 'itself' })

/** Returns the ways in which programs write the line ends of a content as others. */
function modesFor({ hasLf, hasCrlf, hasCr }: TextProperties): readonly LineEndMode[] {
  return [
    ...(hasCrlf ? [{ to: 'lf', bareCr: 'itself' } as const] : []),
    ...(hasLf ? [{ to: 'crlf', bareCr: 'itself' } as const] : []),
    ...(hasCr ? [{ to: 'lf', bareCr: 'nothing' } as const] : []),
    ...(hasLf && hasCr ? [{ to: 'crlf', bareCr: 'nothing' } as const] : []),
  ]
}

/** Returns whether a line begins with a blank. */
function* hasStuffedLine(text: Bytes, work: Work): Steps<boolean> {
  const bytes = yield* work.gather(text)
  return bytes[0] === SPACE || (yield* work.includes(bytes, ['\n ']))
}

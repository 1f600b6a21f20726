import { SPACE } from '../../../lib/bytes/ascii.ts'
import type { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { Base64Decoder, base64 } from '../decoders/base64.ts'
import { decoded, decodedInEachWay, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder, quotedPrintable } from '../decoders/quoted-printable.ts'
import { WithoutTails } from '../decoders/text-forms.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { type Habit, Habits } from '../habits/habits.ts'
import { isOfDigest } from '../reader/depth.ts'
import type { Leaf } from '../reader/reading.ts'
import type { Oddity } from '../traits/oddities.ts'
import { beginsAsMailbox, hasHeader, holdsNul, splitLineEnd } from './content-checks.ts'
import type { Decoding, GiveReading, Scope } from './decoding.ts'
import { formOfLeaf, isPlain, isWellFormed } from './ordinary.ts'
import { SavedForms } from './saved-forms.ts'

/**
 * Yields all contents of a leaf part: as all readers decode it and, if they differ, in each way in which one
 * of them saves it.
 */
export function* giveLeaf(leaf: Leaf, source: Bytes, around: Decoding): Steps {
  const part = source.slice(leaf.from, leaf.to)
  const decoding = around.at(yield* scopeOf(leaf, part, around))
  const given = yield* givePlainly(leaf, part, source, decoding)
  yield* giveByOthersPlainly(leaf, part, source, decoding)
  const hasNul = yield* holdsNul(part, decoding)
  const isOdd = hasNul || given === 'odd' || !isPlain(leaf)
  if (given === 'whole' && !isOdd && decoding.depth === 0) {
    decoding.options.onGiven?.({ from: leaf.from, to: leaf.to })
  }
  if (isOdd) yield* giveInAllWays(leaf, part, source, hasNul, decoding)
}

/** Returns the scope of a leaf part, in addition to the scope around it. */
function* scopeOf(leaf: Leaf, part: Bytes, around: Decoding): Steps<Partial<Scope>> {
  const { header, depth } = leaf
  const ofPgp = header.hints.has('openpgp') || depth.multipart?.hints.has('encrypted') === true
  const declared = ofPgp ? 'openpgp' : header.hints.has('smime') ? 'smime' : 'none'
  return { header, kind: yield* kindOf(leaf, part, around), declared, messages: depth.messages }
}

/** Returns what a leaf part is opened as. In a digest no type is needed for a message (RFC 2046 5.1.5). */
function* kindOf(
  { header, depth, isInHeader }: Leaf,
  part: Bytes,
  work: Work,
): Steps<Scope['kind']> {
  if (header.message !== 'no' || header.hints.has('mail') || isOfDigest(header, depth)) {
    return 'message'
  }
  if (!isInHeader) return 'file'
  return beginsAsMailbox(part) || (yield* hasHeader(part, work)) ? 'text' : 'file'
}

function formsOf(leaf: Leaf, endsMail: boolean, decoding: Decoding): SavedForms {
  const { header, depth, isOwnText, seenBy, isInHeader } = leaf
  const isInWhole = depth.isDecoded
  const facts = { header, isOwnText, isInWhole, seenBy, isInHeader, endsMail }
  return new SavedForms(facts, decoding)
}

/**
 * Gives a part as all readers decode it. Returns whether all of it was given, or nothing, or its encoding
 * turned out to be odd.
 */
function* givePlainly(
  leaf: Leaf,
  part: Bytes,
  source: Bytes,
  decoding: Decoding,
  encoding = leaf.encodings[0]!,
): Steps<'whole' | 'nothing' | 'odd'> {
  const { header } = leaf
  const forms = formsOf(leaf, leaf.to === source.size, decoding)
  if (encoding === 'uuencode') return 'odd'
  yield* forms.giveAsText(part, encoding)
  const form = decoding.scope.hasForm
    ? yield* formOfLeaf(leaf, part, encoding, decoding)
    : undefined
  if (encoding === 'identity') {
    const isGiven = yield* forms.giveAsItStands(part, form)
    return isGiven && header.message === 'no' ? 'whole' : 'nothing'
  }
  const codec = encoding === 'base64' ? base64 : quotedPrintable
  const habits = new Habits()
  const { bare, end } = splitLineEnd(part)
  // Text that readers display includes the line end before the delimiter, also for libclamav.
  const given = encoding === 'base64' || header.text !== 'no' ? part : bare
  const isOne = () => isWellFormed(habits.asked, header)
  yield* decoded(given, codec(habits), decoding, (bytes) =>
    forms.giveDecodedPlainly(bytes, end, encoding, isOne() ? form : undefined),
  )
  return isOne() ? 'whole' : 'odd'
}

/**
 * Yields a part as decoded by nearly all readers that see one more encoding in its header, for example in
 * `base64` with a trailing blank. This costs little.
 */
function* giveByOthersPlainly(leaf: Leaf, part: Bytes, source: Bytes, decoding: Decoding): Steps {
  const { encodings, multipart } = leaf.header
  if (multipart !== 'no') return
  for (const encoding of encodings.slice(1)) {
    if (!leaf.encodings.includes(encoding)) continue
    yield* givePlainly(leaf, part, source, decoding, encoding)
  }
}

/** Gives all that some reader gets out of a part: by each encoding that it may have, and up to each NUL. */
function* giveInAllWays(
  leaf: Leaf,
  part: Bytes,
  source: Bytes,
  hasNul: boolean,
  decoding: Decoding,
): Steps {
  const isClear = leaf.seenBy !== 'some' && leaf.encodings.length === 1
  const forms = formsOf(leaf, leaf.to === source.size, decoding)
  const onOdd = isClear && decoding.depth === 0 ? decoding.onOdd : undefined
  yield* giveByEncodings(leaf, part, forms, decoding, onOdd)
  if (!hasNul) return
  // Programs in C read each line up to its first NUL.
  yield* decoded(part, makerOf(WithoutTails), decoding, (heads) =>
    giveByEncodings(leaf, heads, forms.ofFile(), decoding),
  )
}

function* giveByEncodings(
  { encodings }: Leaf,
  part: Bytes,
  forms: SavedForms,
  decoding: Decoding,
  onOdd?: Decoding['onOdd'],
): Steps {
  const give = (reading: Bytes) => forms.giveReading(reading)
  for (const encoding of encodings) {
    yield* forms.giveAsText(part, encoding)
    if (encoding === 'identity') yield* forms.giveAsItStands(part)
    else if (encoding === 'quoted-printable') {
      const oddities = yield* giveFromQuotedPrintable(part, forms, decoding)
      for (const oddity of oddities) onOdd?.(oddity)
    } else if (encoding === 'base64') {
      const oddities = yield* giveFromBase64(part, decoding, give)
      for (const oddity of oddities) onOdd?.(oddity)
    } else yield* decoding.giveInEachWay(uuencode, part, give)
  }
  if (encodings.includes('base64') && encodings.includes('quoted-printable')) {
    yield* giveDecodedTwice(part, decoding, give)
  }
}

/** Decodes by base64 and then by quoted-printable, and the other way round, as some readers do. */
function* giveDecodedTwice(part: Bytes, decoding: Decoding, give: GiveReading): Steps {
  yield* decoded(part, makerOf(QuotedPrintableDecoder), decoding, (once) =>
    decoding.giveInEachWay(base64, once, give),
  )
  yield* decoded(part, makerOf(Base64Decoder), decoding, (once) =>
    decoding.giveInEachWay(quotedPrintable, once, give),
  )
}

/**
 * Minimum number of characters between two paddings to be decoded separately. Fewer are a word of a text, and
 * not a file.
 */
const PIECE_LEAST = 16

/**
 * Yields all that readers decode from base64. If data continues after padding, each piece of the data is also
 * decoded separately. Returns the oddities of the data.
 */
function* giveFromBase64(
  part: Bytes,
  decoding: Decoding,
  give: GiveReading,
): Steps<readonly Oddity[]> {
  const { asked, oddities } = yield* decodedInEachWay(part, base64, decoding, give)
  if (!asked.has('base64 padding')) return oddities
  yield* eachPaddedPiece(part, decoding, (piece) =>
    decoded(piece, makerOf(Base64Decoder), decoding, give),
  )
  return oddities
}

/** Yields each piece of the data that ends where data continues after padding, and the last one. */
function* eachPaddedPiece(part: Bytes, work: Work, give: (piece: Bytes) => Steps): Steps {
  let isPadded = false
  let from = 0 // where the piece begins
  let at = 0
  for (const chunk of part.chunks()) {
    for (let index = 0; index < chunk.length; index++, at++) {
      const byte = chunk[index]!
      if (byte === 0x3d) isPadded = true
      else if (isPadded && byte > SPACE) {
        isPadded = false
        if (at - from >= PIECE_LEAST) yield* give(part.slice(from, at))
        from = at
      }
    }
    yield* work.countUnits(chunk.length) // there may be a padding at every second byte
  }
  if (part.size - from >= PIECE_LEAST) yield* give(part.slice(from))
}

/** Yields all that readers decode from quoted-printable. Returns the oddities of the data. */
function* giveFromQuotedPrintable(
  part: Bytes,
  forms: SavedForms,
  decoding: Decoding,
): Steps<readonly Oddity[]> {
  const { bare, end } = splitLineEnd(part)
  const { oddities } = yield* decodedInEachWay(bare, quotedPrintable, decoding, (text, habits) =>
    habits.isCommon
      ? giveQuotedPrintable(text, part, end, habits.asked, forms)
      : forms.giveReading(text),
  )
  return oddities
}

/** Yields the output of the common way: the part itself, if nothing was encoded. */
function* giveQuotedPrintable(
  text: Bytes,
  part: Bytes,
  end: Buffer,
  asked: ReadonlySet<Habit>,
  forms: SavedForms,
): Steps {
  const isDecoded =
    text.size + end.length < part.size ||
    asked.has('quoted-printable escape') ||
    asked.has('quoted-printable blanks')
  if (isDecoded) yield* forms.giveDecodedForms(text, end)
  else yield* forms.ofFile().giveAsItStands(part)
  yield* forms.giveWithoutLastEnd(text)
  yield* forms.giveReading(text)
}

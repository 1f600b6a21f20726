import { SPACE } from '../../../lib/bytes/ascii.ts'
import type { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { Base64Decoder, base64 } from '../decoders/base64.ts'
import { decoded, decodedInEachWay, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder, quotedPrintable } from '../decoders/quoted-printable.ts'
import { WithoutTails } from '../decoders/text-forms.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import { isMessageByDefault } from '../reader/depth.ts'
import type { Leaf } from '../reader/found.ts'
import type { PartForm } from '../traits/part-forms.ts'
import {
  beginsAsMailbox,
  hasHeader,
  holdsNul,
  NO_LINE_END,
  splitLineEnd,
} from './content-checks.ts'
import type { Decoding, GiveReading, Scope } from './decoding.ts'
import { formOfLeaf, isPlain, isWellFormed } from './ordinary.ts'
import { SavedForms } from './saved-forms.ts'

const codecs = { base64, 'quoted-printable': quotedPrintable, uuencode } as const

/**
 * Yields all contents of a leaf part: as all readers decode it and, if they differ, in each way in which one
 * of them saves it.
 */
export function* giveLeaf(leaf: Leaf, source: Bytes, around: Decoding): Steps {
  const part = source.slice(leaf.from, leaf.to)
  const decoding = around.at(yield* scopeOf(leaf, part, around))
  const { header, depth, isOwnText, isPreamble, encodings } = leaf
  const isInWhole = depth.isDecoded
  const facts = { header, isOwnText, isPreamble, isInWhole, endsMail: leaf.to === source.size }
  const forms = new SavedForms(facts, decoding)
  const hasNul = yield* holdsNul(part, decoding)
  const isClear = isPlain(leaf) && !hasNul
  const form = decoding.scope.hasForm
    ? yield* formOfLeaf(leaf, part, encodings[0]!, decoding)
    : undefined
  const given = yield* giveCommonly(part, encodings[0]!, leaf, forms, form)
  if (given === 'whole' && isClear && decoding.depth === 0) {
    decoding.options.onGiven?.({ from: leaf.from, to: leaf.to })
  }
  if (given !== 'odd' && isClear) return
  for (const encoding of encodings.slice(1)) yield* giveCommonly(part, encoding, leaf, forms)
  const isKnown = leaf.seenBy !== 'some' && encodings.length === 1 && decoding.depth === 0
  yield* giveInEachWay(part, leaf, forms, isKnown ? decoding.onOdd : undefined)
  if (!hasNul) return
  // Programs in C read each line up to its first NUL.
  yield* decoded(part, makerOf(WithoutTails), decoding, (heads) =>
    giveInAllWays(heads, leaf, forms.ofFile()),
  )
}

function* giveInAllWays(part: Bytes, leaf: Leaf, forms: SavedForms): Steps {
  for (const encoding of leaf.encodings) yield* giveCommonly(part, encoding, leaf, forms)
  yield* giveInEachWay(part, leaf, forms)
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
  if (header.message !== 'no' || header.hints.has('mail') || isMessageByDefault(header, depth)) {
    return 'message'
  }
  if (!isInHeader) return 'file'
  return beginsAsMailbox(part) || (yield* hasHeader(part, work)) ? 'text' : 'file'
}

/**
 * Gives a part as nearly all readers decode it by an encoding. Returns whether all of it was given, or nothing, or the
 * encoding turned out to be odd.
 */
function* giveCommonly(
  part: Bytes,
  encoding: Encoding,
  { header }: Leaf,
  forms: SavedForms,
  form?: PartForm,
): Steps<'whole' | 'nothing' | 'odd'> {
  if (encoding === 'uuencode') return 'odd'
  const below = splitLineEnd(part)
  if (encoding === 'identity') {
    const isGiven = yield* forms.give({ ...below, encoding }, form)
    return isGiven && header.message === 'no' ? 'whole' : 'nothing'
  }
  const habits = new Habits()
  const isOne = () => isWellFormed(habits.asked, header)
  // A text that readers display includes the line end before the delimiter, also for libclamav.
  const isWhole = encoding === 'base64' || header.text !== 'file'
  yield* decoded(isWhole ? part : below.bare, codecs[encoding](habits), forms.decoding, (bare) => {
    let content = { bare, end: isWhole ? NO_LINE_END : below.end, encoding }
    if (isWhole && encoding !== 'base64') content = { ...splitLineEnd(bare), encoding }
    return forms.give(content, isOne() ? form : undefined)
  })
  return isOne() ? 'whole' : 'odd'
}

/** Gives a part in each way in which some reader decodes it, by each encoding that it may have. */
function* giveInEachWay(
  part: Bytes,
  { encodings }: Leaf,
  forms: SavedForms,
  onOdd?: Decoding['onOdd'],
): Steps {
  const { decoding } = forms
  const give = (reading: Bytes) => forms.giveReading(reading)
  for (const encoding of encodings) {
    if (encoding === 'identity') continue
    const encoded = encoding === 'quoted-printable' ? splitLineEnd(part).bare : part
    const { asked, oddities } = yield* decodedInEachWay(encoded, codecs[encoding], decoding, give)
    for (const oddity of oddities) onOdd?.(oddity)
    if (!asked.has('base64 padding')) continue
    yield* eachPaddedPiece(part, decoding, (piece) =>
      decoded(piece, makerOf(Base64Decoder), decoding, give),
    )
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
const PIECE_MIN = 16

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
        if (at - from >= PIECE_MIN) yield* give(part.slice(from, at))
        from = at
      }
    }
    yield* work.countUnits(chunk.length) // there may be a padding at every second byte
  }
  if (part.size - from >= PIECE_MIN) yield* give(part.slice(from))
}

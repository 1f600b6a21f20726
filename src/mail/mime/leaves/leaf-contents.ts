import type { Bytes } from '../../message/bytes.ts'
import { armourPlan } from '../decoders/armour.ts'
import { Base64Decoder, Base64Plan } from '../decoders/base64.ts'
import { lowBytes } from '../decoders/charsets.ts'
import { type DecodingPlan, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder, QuotedPrintablePlan } from '../decoders/quoted-printable.ts'
import { WithoutTails } from '../decoders/text-forms.ts'
import { UuencodePlan } from '../decoders/uuencode.ts'
import { YencPlan } from '../decoders/yenc.ts'
import type { Encoding } from '../headers/part-header.ts'
import { SPACE } from '../shared/lines.ts'
import type { Steps } from '../shared/work.ts'
import type { CodedKind } from '../structure/coded-data.ts'
import { saysType } from '../structure/nesting.ts'
import type { CodedData, Leaf } from '../structure/open-contents.ts'
import { hasHighBytes, holdsNul, isCutByClamav, splitLineEnd } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decoded, decodeInOneWay, decodeInOtherWays } from './decoding.ts'
import {
  giveAsItStands,
  giveAsText,
  giveDecodedForms,
  giveDecodedPlainly,
  giveUnflowed,
  giveWithoutLastEnd,
  type SavingContext,
} from './saved-forms.ts'

/**
 * Gives a leaf: decoded once if it is plain, and else in all ways in which readers save it, of which the
 * first is outside of the budget for odd readings. `hasNul` says that there is a NUL in the mail.
 */
export function* giveLeaf(
  leaf: Leaf,
  source: Bytes,
  { hasNul }: { readonly hasNul: boolean },
  decoding: Decoding,
): Steps {
  if (leaf.to <= leaf.from) return
  const around = decoding.leaf
  const { header } = leaf
  const messages = leaf.depth?.messages ?? around.messages
  decoding.leaf = { hasOpened: false, header, isMessage: isMessageIn(leaf), messages }
  try {
    const part = source.slice(leaf.from, leaf.to)
    const isOdd = !isPlain(leaf) || (hasNul && holdsNul(part))
    const isThere = leaf.depth !== undefined && leaf.isSeenByAll
    const given = isThere ? yield* givePlainly(leaf, part, source, decoding) : 'odd'
    if (isThere) yield* giveByOthersPlainly(leaf, part, source, decoding)
    else if (leaf.depth) {
      const plainly = givePlainly(leaf, part, source, decoding)
      yield* decoding.oddly(plainly, decoding.doubtful)
    }
    if (isOdd || given === 'odd') {
      yield* decoding.oddly(giveInAllWays(leaf, source, hasNul, decoding))
    } else if (given === 'whole' && decoding.depth === 0) {
      decoding.options.onGiven?.({ from: leaf.from, to: leaf.to })
    }
  } finally {
    decoding.leaf = around
  }
}

/** Whether some reader takes the leaf for a message. In a digest that needs no type (RFC 2046 5.1.5). */
function isMessageIn({ header, depth }: Leaf): boolean {
  const isOfDigest = depth?.isDigest === true && !saysType(header)
  return header.message !== 'no' || header.isMailFile || isOfDigest
}

function savingOf(leaf: Leaf, part: Bytes, end: number, source: Bytes): SavingContext {
  const { header, depth, encodings, isOwnText, isSeenByAll } = leaf
  const isCut = isOwnText && encodings.includes('quoted-printable') && isCutByClamav(part)
  const isInWhole = !isCut && depth?.isDecoded !== false
  return { header, isOwnText, isInWhole, isSeenByAll, endsMail: end === source.size }
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
  encoding = leaf.encodings[0] ?? 'identity',
): Steps<'whole' | 'nothing' | 'odd'> {
  const { header } = leaf
  const saved = savingOf(leaf, part, leaf.to, source)
  if (encoding === 'uuencode') return 'odd'
  yield* giveAsText(part, encoding, saved, decoding)
  if (encoding === 'identity') {
    const isGiven = yield* giveAsItStands(part, saved, decoding)
    return isGiven && header.message === 'no' ? 'whole' : 'nothing'
  }
  const plan = encoding === 'base64' ? new Base64Plan() : new QuotedPrintablePlan()
  const { bare, end } = splitLineEnd(part)
  // What readers show as text ends in the line end before the delimiter, to libclamav, too.
  const given = encoding === 'base64' || header.isText ? part : bare
  const isGiven = yield* decoded(given, plan.standard, decoding, (bytes) =>
    giveDecodedPlainly(bytes, end, encoding, saved, decoding),
  )
  if (plan.isOdd(header.isText)) return 'odd'
  return isGiven ? 'whole' : 'nothing'
}

/**
 * Gives a part as nearly all readers decode it that see one more encoding in its header, as in `base64` with
 * a blank behind it. What costs that little is not left to the budget for odd readings.
 */
function* giveByOthersPlainly(leaf: Leaf, part: Bytes, source: Bytes, decoding: Decoding): Steps {
  const { encodings, multipart } = leaf.header
  if (multipart !== 'no') return
  for (const encoding of encodings.slice(1)) {
    yield* givePlainly(leaf, part, source, decoding, encoding)
  }
}

/** Gives a leaf in all ways in which readers save it: up to each of its ends, by each of its encodings. */
function* giveInAllWays(leaf: Leaf, source: Bytes, hasNul: boolean, decoding: Decoding): Steps {
  const { from, header, encodings } = leaf
  const isClear = leaf.depth !== undefined && leaf.mayEnd.length === 0 && encodings.length === 1
  const odd = isClear && decoding.depth === 0 ? decoding.onOdd : undefined
  for (const end of [leaf.to, ...leaf.mayEnd]) {
    if (end <= from) continue
    const part = source.slice(from, end)
    const saved = savingOf(leaf, part, end, source)
    yield* giveByEncodings(encodings, part, saved, decoding, odd)
    if (!hasNul) continue
    const asFile = { ...saved, header: { ...header, isText: false } }
    yield* alsoUpToNuls(part, decoding, (heads) =>
      giveByEncodings(encodings, heads, asFile, decoding),
    )
  }
}

function* giveByEncodings(
  encodings: readonly Encoding[],
  part: Bytes,
  saved: SavingContext,
  decoding: Decoding,
  odd?: Decoding['onOdd'],
): Steps {
  for (const encoding of encodings) {
    yield* giveAsText(part, encoding, saved, decoding)
    if (encoding === 'identity') yield* giveAsItStands(part, saved, decoding)
    else if (encoding === 'quoted-printable') {
      if (yield* giveFromQuotedPrintable(part, saved, decoding)) odd?.(encoding)
    } else if (encoding === 'base64') {
      if (yield* giveFromBase64(part, decoding)) odd?.(encoding)
      if (saved.header.isFlowed) yield* giveUnflowed(makerOf(Base64Decoder), part, decoding)
    } else yield* decodeByPlan(new UuencodePlan(), part, decoding)
  }
  if (encodings.includes('base64') && encodings.includes('quoted-printable')) {
    yield* giveDecodedTwice(part, decoding)
  }
}

/** The ways of decoding data that readers know by its looks. */
const codedPlans: Readonly<Record<CodedKind, () => DecodingPlan>> = {
  uuencode: () => new UuencodePlan(),
  yenc: () => new YencPlan(),
  armour: () => armourPlan,
  'armour behind blanks': () => armourPlan,
}

/** Gives all that readers decode from data that they know by its looks. */
export function* giveCodedData(
  { kind, from, to }: CodedData,
  source: Bytes,
  { hasNul }: { readonly hasNul: boolean },
  decoding: Decoding,
): Steps {
  if (from >= to) return
  const part = source.slice(from, to)
  decoding.leaf.hasOpened = false
  const give = (bytes: Bytes) => decodeByPlan(codedPlans[kind](), bytes, decoding)
  yield* decoding.oddly(give(part))
  if (hasNul) yield* decoding.oddly(alsoUpToNuls(part, decoding, give))
}

const withoutTails = makerOf(WithoutTails)

/** Gives the bytes with each line up to its first NUL alone, too, if there is a NUL. */
function* alsoUpToNuls(part: Bytes, decoding: Decoding, give: (heads: Bytes) => Steps): Steps {
  if (holdsNul(part)) yield* decoded(part, withoutTails, decoding, give)
}

/** Decodes by base64 and then by quoted-printable, and the other way round, as some readers do. */
function* giveDecodedTwice(part: Bytes, decoding: Decoding): Steps {
  yield* decoded(part, makerOf(QuotedPrintableDecoder), decoding, (once) =>
    decodeByPlan(new Base64Plan(), once, decoding),
  )
  yield* decoded(part, makerOf(Base64Decoder), decoding, (once) =>
    decodeByPlan(new QuotedPrintablePlan(), once, decoding),
  )
}

/**
 * The fewest characters between two paddings that are decoded by themselves. Fewer are a word of a
 * text, and no file.
 */
const PIECE_LEAST = 16

/**
 * Gives all that readers decode from base64. If data goes on after padding, each piece of the data
 * is decoded by itself as well. Returns whether data goes on after padding.
 */
function* giveFromBase64(part: Bytes, decoding: Decoding): Steps<boolean> {
  const plan = new Base64Plan()
  yield* decodeByPlan(plan, part, decoding)
  if (!plan.odd.padding) return false
  let from = 0
  for (const place of [...paddedPlaces(part), part.size]) {
    if (place - from >= PIECE_LEAST) {
      yield* decodeInOneWay(makerOf(Base64Decoder), part.slice(from, place), decoding)
    }
    from = place
  }
  return true
}

/** Finds the places where data goes on after padding. */
function* paddedPlaces(part: Bytes): Generator<number> {
  let isPadded = false
  let at = 0
  for (const chunk of part.chunks()) {
    for (let index = 0; index < chunk.length; index++, at++) {
      const byte = chunk[index]!
      if (byte === 0x3d) isPadded = true
      else if (isPadded && byte > SPACE) {
        isPadded = false
        yield at
      }
    }
  }
}

/**
 * Gives all that readers decode from quoted-printable: the text as it stands if nothing is encoded.
 * Returns whether blanks stand after the `=` of a soft line break.
 */
function* giveFromQuotedPrintable(
  part: Bytes,
  saved: SavingContext,
  decoding: Decoding,
): Steps<boolean> {
  const { bare, end } = splitLineEnd(part)
  if (hasHighBytes(bare)) {
    yield* decoded(bare, lowBytes, decoding, (low) =>
      decodeByPlan(new QuotedPrintablePlan(), low, decoding),
    )
  }
  const plan = new QuotedPrintablePlan()
  yield* decoded(bare, plan.standard, decoding, function* (source) {
    const { encoded, strange, blanks } = plan.odd
    if (encoded || strange || blanks) yield* giveDecodedForms(source, end, saved, decoding)
    else {
      const header = { ...saved.header, isText: false }
      yield* giveAsItStands(part, { ...saved, header }, decoding)
    }
    yield* giveWithoutLastEnd(source, saved.header, decoding)
  })
  yield* decodeInOtherWays(plan, bare, decoding)
  return plan.odd.brokenBreak
}

/**
 * Whether all readers agree about a part: that it is there, where it begins and ends, what its header
 * says, and by which encoding it is decoded. Such a part is decoded once. Its encoding may still turn out
 * to be odd, which the decoder notes. Most parts of ordinary mail are plain; what is not is read in each
 * way in which some reader understands it.
 */
export function isPlain({ header, encodings, mayEnd, depth, isSeenByAll }: Leaf): boolean {
  const isPlace = isSeenByAll && depth !== undefined && mayEnd.length === 0
  return isPlace && header.isPlain && header.oddities.length === 0 && encodings.length === 1
}

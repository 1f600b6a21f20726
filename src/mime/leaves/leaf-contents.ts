import { lowBytes } from '../decoders/charsets.ts'
import { makerOf } from '../decoders/decoder.ts'
import { WithoutTails } from '../decoders/text-forms.ts'
import type { Encoding } from '../headers/encodings.ts'
import { SPACE } from '../shared/lines.ts'
import type { Oddity } from '../shared/oddities.ts'
import { partOf, type Source } from '../shared/source.ts'
import type { Steps } from '../shared/work.ts'
import type { CodedData, Leaf } from '../structure/open-contents.ts'
import { hasHighBytes, holdsNul, splitLineEnd } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decoded, decodeInOneWay, decodeInOtherWays } from './decoding.ts'
import {
  base64Plan,
  blocksOfBase64,
  codedPlans,
  quotedPrintablePlan,
  uuencodePlan,
} from './decoding-plans.ts'
import {
  giveAsItStands,
  giveDecodedForms,
  giveUnflowed,
  giveWithoutLastEnd,
  type SavingContext,
} from './saved-forms.ts'
import { giveAsText } from './text-contents.ts'

/**
 * Gives a leaf in all ways in which readers save it: up to each of its ends, and decoded by each of
 * its encodings. `hasNul` says that there is a NUL in the mail.
 */
export function* giveLeaf(
  leaf: Leaf,
  source: Source,
  { hasNul }: { readonly hasNul: boolean },
  decoding: Decoding,
): Steps {
  const { from, header, encodings, isSeenByAll } = leaf
  const isOutermost = decoding.depth === 0
  const isClear = leaf.depth !== undefined && leaf.mayEnd.length === 0 && encodings.length === 1
  const odd = isClear && isOutermost ? decoding.onOdd : undefined
  const { hasOpened } = decoding
  decoding.hasOpened = false
  const ends = [leaf.to, ...leaf.mayEnd].filter((end) => end > from)
  for (const end of ends) {
    const part = partOf(source, from, end)
    if (isOutermost) decoding.range = { from, to: end }
    const saved = { header, isSeenByAll, endsMail: end === source.size }
    yield* giveByEncodings(encodings, part, saved, decoding, odd)
    if (!hasNul) continue
    const notOwn = { ...saved, header: { ...header, isText: false } }
    yield* alsoUpToNuls(part, decoding, (heads) =>
      giveByEncodings(encodings, heads, notOwn, decoding),
    )
  }
  decoding.hasOpened = hasOpened
}

function* giveByEncodings(
  encodings: readonly Encoding[],
  part: Source,
  saved: SavingContext,
  decoding: Decoding,
  odd?: (oddity: Oddity) => void,
): Steps {
  for (const encoding of encodings) {
    yield* giveAsText(part, encoding, saved, decoding)
    if (encoding === 'identity') yield* giveAsItStands(part, saved, decoding)
    else if (encoding === 'quoted-printable') {
      if (yield* giveFromQuotedPrintable(part, saved, decoding)) odd?.(encoding)
    } else if (encoding === 'base64') {
      if (yield* giveFromBase64(part, true, decoding)) odd?.(encoding)
      if (saved.header.isFlowed) yield* giveUnflowed(base64Plan(true).standard, part, decoding)
    } else yield* decodeByPlan(uuencodePlan(), part, decoding)
  }
  if (encodings.includes('base64') && encodings.includes('quoted-printable')) {
    yield* giveDecodedTwice(part, decoding)
  }
}

/** Gives all that readers decode from data that they know by its looks. */
export function* giveCodedData(
  { kind, from, to }: CodedData,
  source: Source,
  { hasNul }: { readonly hasNul: boolean },
  decoding: Decoding,
): Steps {
  if (from >= to) return
  const part = partOf(source, from, to)
  if (decoding.depth === 0) decoding.range = { from, to }
  decoding.hasOpened = false
  yield* giveByKind(kind, part, decoding)
  if (hasNul) yield* alsoUpToNuls(part, decoding, (heads) => giveByKind(kind, heads, decoding))
}

function* giveByKind(kind: CodedData['kind'], part: Source, decoding: Decoding): Steps {
  if (kind === 'base64') yield* giveFromBase64(part, false, decoding)
  else if (kind === 'base64 blocks') {
    decoding.range = undefined
    yield* decodeInOneWay(blocksOfBase64, part, decoding)
  } else yield* decodeByPlan(codedPlans[kind](), part, decoding)
}

const withoutTails = makerOf(WithoutTails)

/** Gives the bytes with each line up to its first NUL alone, too, if there is a NUL. */
function* alsoUpToNuls(part: Source, decoding: Decoding, give: (heads: Source) => Steps): Steps {
  if (!holdsNul(part)) return
  decoding.range = undefined
  yield* decoded(part, withoutTails, decoding, give)
}

/** Decodes by base64 and then by quoted-printable, and the other way round, as some readers do. */
function* giveDecodedTwice(part: Source, decoding: Decoding): Steps {
  const plans = [() => quotedPrintablePlan(), () => base64Plan(true)]
  for (const [first, second] of [plans, plans.toReversed()]) {
    yield* decoded(part, first!().standard, decoding, (once) =>
      decodeByPlan(second!(), once, decoding),
    )
  }
}

/**
 * The fewest characters between two paddings that are decoded by themselves. Fewer are a word of a
 * text, and no file.
 */
const PIECE_LEAST = 16

/**
 * Gives all that readers decode from base64. If data goes on after padding, each piece of the data
 * is decoded by itself as well. `isAnnounced` says that a header announces base64. Returns whether
 * data goes on after padding.
 */
function* giveFromBase64(part: Source, isAnnounced: boolean, decoding: Decoding): Steps<boolean> {
  const plan = base64Plan(isAnnounced)
  yield* decodeByPlan(plan, part, decoding)
  if (!plan.odd.padding) return false
  let from = 0
  for (const place of [...paddedPlaces(part), part.size]) {
    if (place - from >= PIECE_LEAST) {
      yield* decodeInOneWay(base64Plan(false).standard, partOf(part, from, place), decoding)
    }
    from = place
  }
  return true
}

/** Finds the places where data goes on after padding. */
function* paddedPlaces(part: Source): Generator<number> {
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
  part: Source,
  saved: SavingContext,
  decoding: Decoding,
): Steps<boolean> {
  const { bare, end } = splitLineEnd(part)
  if (hasHighBytes(bare)) {
    yield* decoded(bare, lowBytes, decoding, (low) =>
      decodeByPlan(quotedPrintablePlan(), low, decoding),
    )
  }
  const plan = quotedPrintablePlan()
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

import { makerOf } from '../decoders/decoder.ts'
import { WithoutTails } from '../decoders/text-forms.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { Oddity } from '../shared/oddities.ts'
import { partOf, type Source } from '../shared/source.ts'
import type { Steps } from '../shared/work.ts'
import type { CodedData, Leaf } from '../structure/open-contents.ts'
import { giveFromBase64 } from './base64-contents.ts'
import { holdsNul } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decoded, decodeInOneWay } from './decoding.ts'
import {
  base64Plan,
  codedPlans,
  linesOfBase64,
  quotedPrintablePlan,
  uuencodePlan,
} from './decoding-plans.ts'
import { giveFromQuotedPrintable } from './quoted-printable-contents.ts'
import { giveAsItStands, giveUnflowed, type SavingContext } from './saved-forms.ts'
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
  const { from, header, encodings } = leaf
  const isOutermost = decoding.depth === 0
  const isClear = leaf.depth !== undefined && leaf.mayEnd.length === 0 && encodings.length === 1
  const odd = isClear && isOutermost ? decoding.onOdd : undefined
  const { hasOpened } = decoding
  decoding.hasOpened = false
  const ends = [leaf.to, ...leaf.mayEnd].filter((end) => end > from)
  for (const end of ends) {
    const part = partOf(source, from, end)
    if (isOutermost) decoding.range = { from, to: end }
    const saved = { header, endsMail: end === source.size }
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
  else if (kind === 'base64 lines') {
    decoding.range = undefined
    yield* decodeInOneWay(linesOfBase64, part, decoding)
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

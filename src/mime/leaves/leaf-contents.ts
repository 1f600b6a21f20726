import type { MakeDecoder } from '../decoders/decoder.ts'
import { WithoutTails } from '../decoders/text-forms.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { Oddity } from '../shared/oddities.ts'
import { partOf, type Source } from '../shared/source.ts'
import type { ContentStep } from '../shared/work.ts'
import type { CodedData, Leaf } from '../structure/open-contents.ts'
import { giveFromBase64 } from './base64-contents.ts'
import { hasNul } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decodeInOneWay, decodeToStore, sourceIn } from './decoding.ts'
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
 * its encodings.
 */
export function* giveLeaf(
  leaf: Leaf,
  source: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  const { from, header, encodings } = leaf
  const isClear = leaf.depth !== undefined && leaf.mayEnd.length === 0 && encodings.length === 1
  const odd = isClear && depth === 0 ? decoding.onOdd : undefined
  const { hasOpened } = decoding
  decoding.hasOpened = false
  const ends = [leaf.to, ...leaf.mayEnd].filter((end) => end > from)
  for (const end of ends) {
    const part = partOf(source, from, end)
    if (depth === 0) decoding.range = { from, to: end }
    const saved = { header, endsMail: end === source.size }
    yield* giveByEncodings(encodings, part, saved, decoding, depth, odd)
    if (!hasNul(part)) continue
    decoding.range = undefined
    const heads = yield* decodeToStore(part, withoutTails, decoding)
    try {
      const notOwn = { ...saved, header: { ...header, isText: false } }
      yield* giveByEncodings(encodings, sourceIn(heads), notOwn, decoding, depth)
    } finally {
      heads.close()
    }
  }
  decoding.hasOpened = hasOpened
}

function* giveByEncodings(
  encodings: readonly Encoding[],
  part: Source,
  saved: SavingContext,
  decoding: Decoding,
  depth: number,
  odd?: (oddity: Oddity) => void,
): Generator<ContentStep> {
  for (const encoding of encodings) {
    yield* giveAsText(part, encoding, saved, decoding, depth)
    if (encoding === 'identity') yield* giveAsItStands(part, saved, decoding, depth)
    else if (encoding === 'quoted-printable') {
      if (yield* giveFromQuotedPrintable(part, saved, decoding, depth)) odd?.(encoding)
    } else if (encoding === 'base64') {
      if (yield* giveFromBase64(part, true, decoding, depth)) odd?.(encoding)
      if (saved.header.isFlowed)
        yield* giveUnflowed(base64Plan(true).standard, part, decoding, depth)
    } else yield* decodeByPlan(uuencodePlan(), part, decoding, depth)
  }
  if (encodings.includes('base64') && encodings.includes('quoted-printable')) {
    yield* giveDecodedTwice(part, decoding, depth)
  }
}

const withoutTails: MakeDecoder = (give, room) => new WithoutTails(give, room)

/** Gives all that readers decode from data that they know by its looks. */
export function* giveCodedData(
  { kind, from, to }: CodedData,
  source: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  if (from >= to) return
  const part = partOf(source, from, to)
  if (depth === 0) decoding.range = { from, to }
  decoding.hasOpened = false
  yield* giveByKind(kind, part, decoding, depth)
  if (!hasNul(part)) return
  decoding.range = undefined
  const heads = yield* decodeToStore(part, withoutTails, decoding)
  try {
    yield* giveByKind(kind, sourceIn(heads), decoding, depth)
  } finally {
    heads.close()
  }
}

function* giveByKind(
  kind: CodedData['kind'],
  part: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  if (kind === 'base64') yield* giveFromBase64(part, false, decoding, depth)
  else if (kind === 'base64 lines') {
    decoding.range = undefined
    yield* decodeInOneWay(linesOfBase64, part, decoding, depth)
  } else yield* decodeByPlan(codedPlans[kind](), part, decoding, depth)
}

/** Decodes by base64 and then by quoted-printable, and the other way round, as some readers do. */
function* giveDecodedTwice(
  part: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep> {
  const plans = [() => quotedPrintablePlan(), () => base64Plan(true)]
  for (const [first, second] of [plans, plans.toReversed()]) {
    const once = yield* decodeToStore(part, first!().standard, decoding)
    try {
      yield* decodeByPlan(second!(), sourceIn(once), decoding, depth)
    } finally {
      once.close()
    }
  }
}

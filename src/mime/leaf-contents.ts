import { outOfBase64 } from './base64-contents.ts'
import { YencDecoder } from './decoders/uuencode.ts'
import { decoded, decodedBy, oneWay, plainly, sourceIn } from './decoding.ts'
import type { Encoding } from './encodings.ts'
import { hasNul } from './looks.ts'
import type { Coded, Leaf } from './open-contents.ts'
import { outOfEscapes } from './quoted-printable-contents.ts'
import {
  base64Plan,
  linesOfBase64,
  type MakeDecoder,
  quotedPrintablePlan,
  uuencodePlan,
} from './readings.ts'
import { asItStands, type Saved, unflowed } from './saved-forms.ts'
import { partOf, type Source } from './source.ts'
import { WithoutTails } from './text.ts'
import type { Step, Walk } from './walk.ts'

/**
 * A leaf in all ways in which readers save it: up to each of its ends, by each of its encodings.
 */
export function* leafContents(
  leaf: Leaf,
  source: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  const { from, header, encodings } = leaf
  const ends = [leaf.to, ...leaf.mayEnd].filter((end) => end > from)
  for (const end of ends) {
    const part = partOf(source, from, end)
    if (depth === 0) walk.place = { from, to: end }
    const saved = { header, endsMail: end === source.size }
    yield* byEncodings(encodings, part, saved, walk, depth)
    if (!hasNul(part)) continue
    const heads = yield* decoded(part, withoutTails, walk)
    try {
      const notOwn = { ...saved, header: { ...header, isText: false } }
      yield* byEncodings(encodings, sourceIn(heads), notOwn, walk, depth)
    } finally {
      heads.close()
    }
  }
}

function* byEncodings(
  encodings: readonly Encoding[],
  part: Source,
  saved: Saved,
  walk: Walk,
  depth: number,
): Generator<Step> {
  for (const encoding of encodings) {
    if (encoding === 'identity') yield* asItStands(part, saved, walk, depth)
    else if (encoding === 'quoted-printable') yield* outOfEscapes(part, saved, walk, depth)
    else if (encoding === 'base64') {
      yield* outOfBase64(part, true, walk, depth)
      if (saved.header.isFlowed) yield* unflowed(base64Plan(true).standard, part, walk, depth)
    } else yield* decodedBy(uuencodePlan(), part, walk, depth)
  }
  if (encodings.includes('base64') && encodings.includes('quoted-printable')) {
    yield* inBothWays(part, walk, depth)
  }
}

const withoutTails: MakeDecoder = (give, room) => new WithoutTails(give, room)

/** Decodes data that is known by its looks. */
export function* codedContents(
  { kind, from, to }: Coded,
  source: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  if (from >= to) return
  const part = partOf(source, from, to)
  if (depth === 0) walk.place = { from, to }
  yield* byItsLooks(kind, part, walk, depth)
  if (!hasNul(part)) return
  const heads = yield* decoded(part, withoutTails, walk)
  try {
    yield* byItsLooks(kind, sourceIn(heads), walk, depth)
  } finally {
    heads.close()
  }
}

function* byItsLooks(
  kind: Coded['kind'],
  part: Source,
  walk: Walk,
  depth: number,
): Generator<Step> {
  if (kind === 'base64') yield* outOfBase64(part, false, walk, depth)
  else if (kind === 'base64 lines') yield* oneWay(linesOfBase64, part, walk, depth)
  else if (kind === 'uuencode') yield* decodedBy(uuencodePlan(), part, walk, depth)
  else
    yield* decodedBy(
      plainly((give, room) => new YencDecoder(give, room)),
      part,
      walk,
      depth,
    )
}

/** For readers that decode twice: by base64 and then quoted-printable, and the other way round. */
function* inBothWays(part: Source, walk: Walk, depth: number): Generator<Step> {
  const plans = [() => quotedPrintablePlan(), () => base64Plan(true)]
  for (const [first, second] of [plans, plans.toReversed()]) {
    const once = yield* decoded(part, first!().standard, walk)
    try {
      yield* decodedBy(second!(), sourceIn(once), walk, depth)
    } finally {
      once.close()
    }
  }
}

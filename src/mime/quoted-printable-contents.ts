import { decoded, decodedBy, inOtherWays, sourceIn } from './decoding.ts'
import { endOf, hasHighBytes } from './looks.ts'
import { quotedPrintablePlan } from './readings.ts'
import { asItStands, decodedForms, type Saved } from './saved-forms.ts'
import type { Source } from './source.ts'
import { LowBytes } from './text.ts'
import type { Step, Walk } from './walk.ts'

/**
 * What readers decode out of quoted-printable. If nothing in it is encoded, that is the text as it
 * stands.
 */
export function* outOfEscapes(
  part: Source,
  saved: Saved,
  walk: Walk,
  depth: number,
): Generator<Step, void> {
  const { bare, end } = endOf(part)
  yield* outOfWideCharacters(bare, walk, depth)
  const plan = quotedPrintablePlan()
  const store = yield* decoded(bare, plan.standard, walk)
  try {
    const { odd } = plan
    if (!odd.encoded && !odd.strange && !odd.blanks) {
      const header = { ...saved.header, isText: false }
      yield* asItStands(part, { ...saved, header }, walk, depth)
    } else yield* decodedForms(sourceIn(store), end, saved, walk, depth)
  } finally {
    store.close()
  }
  yield* inOtherWays(plan, bare, walk, depth)
}

/**
 * For readers that keep text in single bytes: of a character above U+00FF only its lowest byte is
 * left.
 */
function* outOfWideCharacters(bare: Source, walk: Walk, depth: number): Generator<Step, void> {
  if (!hasHighBytes(bare)) return
  const low = yield* decoded(bare, (give) => new LowBytes(give), walk)
  try {
    yield* decodedBy(quotedPrintablePlan(), sourceIn(low), walk, depth)
  } finally {
    low.close()
  }
}

import { LowBytes } from '../decoders/text-forms.ts'
import type { Source } from '../shared/source.ts'
import type { ContentStep } from '../shared/work.ts'
import { hasHighBytes, splitLineEnd } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decodeInOtherWays, decodeToStore, sourceIn } from './decoding.ts'
import { quotedPrintablePlan } from './decoding-plans.ts'
import { giveAsItStands, giveDecodedForms, type SavingContext } from './saved-forms.ts'

/**
 * Gives all that readers decode from quoted-printable: the text as it stands if nothing is encoded.
 * Returns whether blanks stand behind the `=` of a soft line break.
 */
export function* giveFromQuotedPrintable(
  part: Source,
  saved: SavingContext,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep, boolean> {
  const { bare, end } = splitLineEnd(part)
  yield* giveFromWideCharacters(bare, decoding, depth)
  const plan = quotedPrintablePlan()
  const store = yield* decodeToStore(bare, plan.standard, decoding)
  try {
    const { odd } = plan
    if (!odd.encoded && !odd.strange && !odd.blanks) {
      const header = { ...saved.header, isText: false }
      yield* giveAsItStands(part, { ...saved, header }, decoding, depth)
    } else yield* giveDecodedForms(sourceIn(store), end, saved, decoding, depth)
  } finally {
    store.close()
  }
  yield* decodeInOtherWays(plan, bare, decoding, depth)
  return plan.odd.brokenBreak
}

/**
 * Decodes as readers do that keep text in single bytes: only the lowest byte of a character above
 * U+00FF is left.
 */
function* giveFromWideCharacters(
  bare: Source,
  decoding: Decoding,
  depth: number,
): Generator<ContentStep, void> {
  if (!hasHighBytes(bare)) return
  const low = yield* decodeToStore(bare, (give) => new LowBytes(give), decoding)
  try {
    yield* decodeByPlan(quotedPrintablePlan(), sourceIn(low), decoding, depth)
  } finally {
    low.close()
  }
}

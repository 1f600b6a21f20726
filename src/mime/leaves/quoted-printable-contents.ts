import { lowBytes } from '../decoders/charsets.ts'
import type { Source } from '../shared/source.ts'
import type { Steps } from '../shared/work.ts'
import { hasHighBytes, splitLineEnd } from './content-checks.ts'
import type { Decoding } from './contents-state.ts'
import { decodeByPlan, decoded, decodeInOtherWays } from './decoding.ts'
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
): Steps<boolean> {
  const { bare, end } = splitLineEnd(part)
  if (hasHighBytes(bare)) {
    yield* decoded(bare, lowBytes, decoding, (low) =>
      decodeByPlan(quotedPrintablePlan(), low, decoding),
    )
  }
  const plan = quotedPrintablePlan()
  yield* decoded(bare, plan.standard, decoding, (source) => {
    const { encoded, strange, blanks } = plan.odd
    if (encoded || strange || blanks) return giveDecodedForms(source, end, saved, decoding)
    const header = { ...saved.header, isText: false }
    return giveAsItStands(part, { ...saved, header }, decoding)
  })
  yield* decodeInOtherWays(plan, bare, decoding)
  return plan.odd.brokenBreak
}

import type { ClientActivity } from '../../lib/runtime/system.ts'
import type { Wait } from '../banner-delay/plan.ts'

/** The feature that is unavailable without the addon. */
export const EARLY_TALKERS = 'early talkers cannot be detected'

/**
 * Keeps a client waiting, and resolves to how the wait ended. `watch` observes the client until `delay`
 * milliseconds after it connected (the delay may not be known yet), and resolves as soon as the client sends
 * or disconnects.
 */
export async function outcomeOf(
  { judgement, mayBeExempt }: Wait,
  watch: (delay: Promise<number>) => Promise<ClientActivity>,
): Promise<{ readonly event: 'passed' | 'talked' | 'left'; readonly why: string }> {
  const sign = await watch(judgement.then((judged) => judged.delay * 1000))
  const judged =
    mayBeExempt && sign === 'talks' ? await judgement : await Promise.race([judgement, undefined])
  const why = judged?.why ?? 'not looked up yet'
  if (sign === 'left') return { event: 'left', why }
  return { event: sign === 'silent' || judged?.isExempt ? 'passed' : 'talked', why }
}

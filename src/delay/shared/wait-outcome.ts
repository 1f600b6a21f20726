import type { ClientSign } from '../../ground/runtime/system.ts'
import type { Wait } from './plan.ts'

/** What cannot be done without the addon. */
export const EARLY_TALKERS = 'early talkers cannot be seen'

/** How the wait of a client ended: it gets its greeting, is refused, or has left. */
export interface WaitOutcome {
  readonly event: 'passed' | 'talked' | 'left'
  readonly why: string
}

/**
 * Keeps a client waiting, and resolves to how that ended. `watch` looks at the client until `delay`
 * milliseconds after it connected (the delay may not be known yet), and resolves as soon as the
 * client does something.
 */
export async function outcomeOf(
  { delay, mayBeExempt }: Wait,
  watch: (delay: Promise<number>) => Promise<ClientSign>,
): Promise<WaitOutcome> {
  const sign = await watch(delay.then((judged) => judged.delay * 1000))
  const judged =
    mayBeExempt && sign === 'talks' ? await delay : await Promise.race([delay, undefined])
  const why = judged?.why ?? 'not looked up yet'
  if (sign === 'left') return { event: 'left', why }
  return { event: sign === 'silent' || judged?.exempt ? 'passed' : 'talked', why }
}

import type { Wait } from './plan.ts'

/** What a client does that should wait for its greeting. */
export type Sign = 'silent' | 'talks' | 'left'

/** What becomes of a client that was to wait: it gets its greeting, is refused, or is gone. */
export interface Outcome {
  readonly event: 'passed' | 'talked' | 'left'
  readonly why: string
}

/**
 * Keeps a client waiting and tells what comes of it. `watch` looks at it until so many
 * milliseconds since it connected, which may not be known yet, and at once tells what it does.
 */
export async function outcomeOf(
  { judgement, mayBeExempt }: Wait,
  watch: (delay: Promise<number>) => Promise<Sign>,
): Promise<Outcome> {
  const sign = await watch(judgement.then(({ delay }) => delay * 1000))
  const judged =
    mayBeExempt && sign === 'talks' ? await judgement : await Promise.race([judgement, undefined])
  const why = judged?.why ?? 'not looked up yet'
  if (sign === 'left') return { event: 'left', why }
  return { event: sign === 'silent' || judged?.exempt ? 'passed' : 'talked', why }
}

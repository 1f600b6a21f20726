import type { Wait } from './plan.ts'

/** What a client does while it should wait for its greeting. */
export type ClientSign = 'silent' | 'talks' | 'left'

/** The end of a client's wait: it gets its greeting, is refused, or has gone. */
export interface WaitOutcome {
  readonly event: 'passed' | 'talked' | 'left'
  readonly why: string
}

/**
 * Keeps a client waiting and says how that ended. `watch` looks at it until so many milliseconds
 * since it connected (the number may not be known yet), and says at once what it does.
 */
export async function outcomeOf(
  { judgement, mayBeExempt }: Wait,
  watch: (delay: Promise<number>) => Promise<ClientSign>,
): Promise<WaitOutcome> {
  const sign = await watch(judgement.then(({ delay }) => delay * 1000))
  const judged =
    mayBeExempt && sign === 'talks' ? await judgement : await Promise.race([judgement, undefined])
  const why = judged?.why ?? 'not looked up yet'
  if (sign === 'left') return { event: 'left', why }
  return { event: sign === 'silent' || judged?.exempt ? 'passed' : 'talked', why }
}

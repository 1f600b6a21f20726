import type { Policy } from './policy.ts'

/** What becomes of infected mail that nothing excuses. */
export type Fate = 'reject' | 'quarantine' | 'forward' | 'drop' | 'tag'

/**
 * Returns what becomes of infected mail by REJECTVIRUS, QUARANTINE and VIRUSFORWARD, in this order:
 * decisions follow it, and the lines that tell what a door does. A bounce of the MTA's own is never
 * refused: it would be tried again for ever, since there is no sender to return it to.
 */
export function fateOfInfected(
  { infected, quarantine }: Pick<Policy, 'infected' | 'quarantine'>,
  { bounceInjector }: { readonly bounceInjector: boolean },
): Fate {
  if (infected.action === 'reject' && !bounceInjector) return 'reject'
  if (quarantine !== undefined) return 'quarantine'
  if (infected.forward !== undefined) return 'forward'
  return infected.action === 'drop' ? 'drop' : 'tag'
}

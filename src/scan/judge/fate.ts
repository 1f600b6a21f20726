import type { MailSettings } from './policy.ts'

/** What becomes of infected mail that nothing excuses. */
export type Fate = 'reject' | 'quarantine' | 'forward' | 'drop' | 'tag'

/**
 * Returns what becomes of infected mail by REJECTVIRUS, QUARANTINE and VIRUSFORWARD, in this order:
 * decisions follow it, and the lines that tell what a door does. A bounce of the MTA's own is never
 * refused: it would be tried again for ever, since there is no sender to return it to.
 */
export function fateOfInfected(
  { REJECTVIRUS, QUARANTINE, VIRUSFORWARD }: MailSettings,
  { bounceInjector }: { readonly bounceInjector: boolean },
): Fate {
  if (REJECTVIRUS === 'reject' && !bounceInjector) return 'reject'
  if (QUARANTINE !== undefined) return 'quarantine'
  if (VIRUSFORWARD !== undefined) return 'forward'
  return REJECTVIRUS === 'drop' ? 'drop' : 'tag'
}

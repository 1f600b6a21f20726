import type { Values } from '../../settings/read-settings.ts'
import type { infectedMail } from '../../settings/table/infected-mail.ts'

/** The action for infected mail that no exception accepts. */
type Fate = 'reject' | 'quarantine' | 'forward' | 'drop' | 'tag'

/**
 * Returns the action for infected mail by REJECTVIRUS, QUARANTINE and VIRUSFORWARD, in this order. Decisions
 * follow it, and so do the lines that describe the configuration. A bounce of the MTA's own is never refused:
 * it has no sender to return it to, so the MTA would retry it indefinitely.
 */
export function fateOfInfected(
  { REJECTVIRUS, QUARANTINE, VIRUSFORWARD }: Values<typeof infectedMail>,
  { isBounceInjector }: { readonly isBounceInjector: boolean },
): Fate {
  if (REJECTVIRUS === 'reject' && !isBounceInjector) return 'reject'
  if (QUARANTINE !== undefined) return 'quarantine'
  if (VIRUSFORWARD !== undefined) return 'forward'
  return REJECTVIRUS === 'drop' ? 'drop' : 'tag'
}

import type { SpoolPolicy } from '../../../mail/message/spool-policy.ts'
import type { Oddity } from '../../../mail/mime/shared/oddities.ts'
import type { Unseen } from '../shared/finding.ts'
import type { ScanSettings } from '../shared/scan-settings.ts'
import type { Scanner, ScanTask } from '../shared/scanner.ts'

/** The scanners for one message, the settings that they run by, and what is in the task of each. */
export interface ScanRun extends Omit<ScanTask, 'signal' | 'timeLeft'> {
  readonly scanners: readonly Scanner[]
  /** Milliseconds for all of them together. */
  readonly timeout: number
  /**
   * MAXNESTING counts messages inside one another, and multiparts inside one another in one of them;
   * SECONDLOOK says whether each content is scanned besides the whole.
   */
  readonly settings: Pick<ScanSettings, 'MAXNESTING' | 'SECONDLOOK'>
  readonly spool: SpoolPolicy
  /** What ends the scan if it cannot be seen in a message; all else is passed over. */
  readonly keepsOut: ReadonlySet<Unseen>
  /** Called with the oddities of the message, if it was read for them. */
  readonly odd?: (found: ReadonlySet<Oddity>) => void
  /** Milliseconds on a clock that never goes back. */
  readonly uptime: () => number
  /** Aborted when nobody waits for the result any more: the scan ends then. */
  readonly gone?: AbortSignal | undefined
}

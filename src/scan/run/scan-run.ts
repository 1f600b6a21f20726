import type { SpoolPolicy } from '../../message/spool-policy.ts'
import type { Oddity } from '../../mime/shared/oddities.ts'
import type { Scanner, ScanTask } from '../shared/scanner.ts'

/** The scanners for one message, the settings that they run by, and what is in the task of each. */
export interface ScanRun extends Omit<ScanTask, 'signal' | 'timeLeft'> {
  readonly scanners: readonly Scanner[]
  /** Milliseconds for all of them together. */
  readonly timeout: number
  /** What happens to a message over a scanner's own size limit. */
  readonly oversize: 'accept' | 'defer'
  readonly nesting: {
    /** Messages or multiparts inside one another, as in NestingPolicy. */
    readonly max: number
    /** What happens to a message over `max`, over a scanner's limit of depth, or with too many contents. */
    readonly action: 'accept' | 'keep out'
  }
  readonly secondLook: {
    /** SECONDLOOK: whether each content is scanned besides the whole. */
    readonly when: 'always' | 'never'
    /** ENCRYPTED: whether something that is encrypted keeps a message out. */
    readonly refusesEncrypted?: boolean
    /** STRICTMIME: whether forms that ordinary mail never has keep a message out. */
    readonly strict: boolean
    readonly spool: SpoolPolicy
    /** Called with the oddities of the message, if it was read for them. */
    readonly odd?: (found: ReadonlySet<Oddity>) => void
  }
  /** Milliseconds on a clock that never goes back. */
  readonly uptime: () => number
  /** Aborted when nobody waits for the result any more: the scan ends then. */
  readonly gone?: AbortSignal | undefined
}

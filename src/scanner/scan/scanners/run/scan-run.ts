import type { SpoolSettings } from '../../../../mail/message/spool.ts'
import type { Oddity } from '../../../../mail/mime/index.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { MessageSample, Scanner, ScanTask } from '../contract/scanner.ts'
import type { PermitOrResult } from '../permits/scan-permits.ts'
import type { Inspections } from './inspections.ts'
import type { ResultCollector } from './result-collector.ts'

/**
 * What is read of the bytes of a message: all that mail programs find in it, or what is in a file, such as encoded data
 * and S/MIME.
 */
export type ReadAs = 'mail' | 'file'

/** How a message is scanned: by which scanners and settings, what their results mean, and the listeners. */
export interface ScanRun extends Omit<ScanTask, 'signal'> {
  readonly scanners: readonly Scanner[]
  readonly settings: ScanSettings
  readonly spool: SpoolSettings
  /** By default `mail`. */
  readonly readAs?: ReadAs
  /**
   * Whether scanners get the bytes below TOP_LINE, too, unless they treat them as mail without it. By default they do.
   */
  readonly isMail?: boolean
  /** Set if nothing but the bytes as they were sent is scanned. */
  readonly rawOnly?: boolean
  /** Called with the oddities of the message, if it was read for them. */
  readonly onOddities?: ((found: ReadonlySet<Oddity>) => void) | undefined
  /** Aborted when no client waits for the result any longer. The scan then ends. */
  readonly gone?: AbortSignal | undefined
  /** Whether scanners have begun with the message. All of its scans share one, and set it. */
  readonly progress?: { hasBegun: boolean }
  /** Called when the message has its permits, before it is read. Resolves as ScanPermits.acquire() does. */
  readonly onPermit?: ((signal: AbortSignal) => Promise<PermitOrResult>) | undefined
}

/** A scan of one message. Its bytes as they were sent have a scan of their own. */
export interface Scan {
  readonly message: MessageSample
  /** The run, which has begun: the same object is the task of each scanner. */
  readonly run: ScanRun & ScanTask & Turns
  readonly results: ResultCollector
  readonly inspections: Inspections
}

interface Turns {
  /** Waits for messages that have used less time than this one. To be called between two pieces of its work. */
  giveWay(): Promise<void>
  /** The same, in a later iteration of the event loop. */
  nextTurn(): Promise<void>
}

import type { SpoolSettings } from '../../../../mail/message/spool.ts'
import type { Oddity } from '../../../../mail/mime/index.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { MessageSample, Scanner, ScannerCall } from '../contract/scanner.ts'
import type { PermitOrResult } from '../permits/scan-permits.ts'
import type { Inspections } from './inspections.ts'
import type { ResultCollector } from './result-collector.ts'
import type { ScanAsSent } from './scan-as-sent.ts'
import type { Submission } from './submission.ts'

/** How a message is scanned: by which scanners and settings, what their results mean, and the listeners. */
export interface ScanPlan extends Omit<ScannerCall, 'signal'> {
  readonly scanners: readonly Scanner[]
  readonly settings: ScanSettings
  readonly spool: SpoolSettings
  readonly submission: Submission
  /** Called with the oddities of the message, if it was read for them. */
  readonly onOddities?: ((found: ReadonlySet<Oddity>) => void) | undefined
  /** Aborted when no client waits for the result any longer. The scan then ends. */
  readonly gone?: AbortSignal | undefined
  /** Whether scanners have begun with the message. All of its scans share one, and set it. */
  readonly progress?: { hasBegun: boolean }
  /** Called when the message has its permits, before it is read. Resolves as ScanPermits.acquire() does. */
  readonly onPermit?: ((signal: AbortSignal) => Promise<PermitOrResult>) | undefined
}

/** A plan that is carried out: the same object is the call of each scanner. */
export interface RunningScan extends ScanPlan, ScannerCall {
  /** Waits for messages that have used less time than this one. To be called between two pieces of its work. */
  giveWay(): Promise<void>
  /** Waits for these messages, too, and for a later iteration of the event loop. */
  nextTurn(): Promise<void>
  /** Has neither giveWay() nor nextTurn() release a permit before the returned function is called. */
  keepPermits(): () => void
}

/** A scan of one message. Its bytes as they were sent have a scan of their own. */
export interface Scan {
  readonly message: MessageSample
  readonly run: RunningScan
  readonly results: ResultCollector
  readonly inspections: Inspections
  /** Set if the bytes of a request are scanned as they were sent, while the message is read. */
  readonly asSent?: ScanAsSent | undefined
}

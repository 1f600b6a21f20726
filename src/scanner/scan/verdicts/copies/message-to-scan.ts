import type { Header } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import type { CachedVerdict } from '../../host-memory/cached-verdict.ts'
import type { Scanner } from '../../scanners/contract/scanner.ts'
import type { ScanResult } from '../../scanners/findings/scan-result.ts'
import type { ScanRun } from '../../scanners/run/scan-run.ts'

/** A message that is scanned, unless there is a verdict on a copy, with the header that goes out. */
export interface MessageToScan {
  readonly message: Pick<Message, 'canonical' | 'header' | 'body'>
  readonly outgoing: Header
  /** Set if clients use the bytes as a file: a verdict applies to the same bytes alone, and not to copies. */
  readonly asFile?: boolean
}

/**
 * Scans a message with these scanners, within its remaining time, and with another header if one is given.
 * The other options are those of ScanRun.
 */
export type ScanMessage = (
  scanners: readonly Scanner[],
  more?: Pick<ScanRun, 'signatures' | 'onPermit'> & { readonly header?: Header },
) => Promise<ScanResult>

/** A result, and the cached verdict that it comes from, if any. */
export interface CachedOrScanned {
  readonly result: ScanResult
  readonly cached?: CachedVerdict
}

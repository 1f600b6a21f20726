import { readUptime } from '../../../../base/flow/uptime.ts'
import { makeEnvelope } from '../../../../mail/message/envelope.ts'
import { spoolMessage } from '../../../../mail/message/intake.ts'
import { removeNamedFiles } from '../../../../mail/message/named-copy.ts'
import type { SpoolSettings } from '../../../../mail/message/spool.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { Scanner } from '../contract/scanner.ts'
import type { ScanResult, Unread } from '../findings/scan-result.ts'
import { runScanners, sampleOf } from './run-scanners.ts'
import { leavingMail } from './submission.ts'

export interface ManualScan {
  readonly spool: SpoolSettings
  readonly scanners: readonly Scanner[]
  readonly settings: ScanSettings
  /**
   * Has `cleanUp` called if the process is interrupted, until the returned function is called. It removes a
   * file whose path a scanner was given.
   */
  readonly whenInterrupted?: (cleanUp: () => void) => () => void
}

/** The limits that a manual scan never ignores. */
const LIMITS: ReadonlySet<Unread> = new Set(['size', 'unpacked', 'depth', 'contents', 'unreadable'])

const noEnvelope = makeEnvelope(Buffer.alloc(0), [])

interface ScannedByHand {
  readonly size: number
  readonly result: ScanResult
  readonly notes: string[]
  /** The field Message-ID, latin1. */
  readonly messageId: string | null
}

/**
 * Spools a message and scans it like onescan-queue. If the message exceeds a scanner's limit, the answer is
 * *unknown*, because a manual scan must report that. Rejects if the message cannot be read or spooled.
 */
export async function scanBytes(
  bytes: AsyncIterable<Buffer>,
  { spool, scanners, settings, whenInterrupted }: ManualScan,
): Promise<ScannedByHand> {
  const message = await spoolMessage(bytes, { spool })
  const settle = whenInterrupted?.(removeNamedFiles)
  const notes: string[] = []
  const { size, header } = message
  const field = header.fields.find(({ key }) => key === 'message-id')
  const messageId = field ? header.valueOf(field).trim() : null
  try {
    const sample = sampleOf(message, header, { envelope: noEnvelope }, leavingMail)
    const deadline = readUptime() + settings.timeout
    const note = (text: string) => void notes.push(text)
    const result = await runScanners(sample, {
      scanners,
      settings,
      submission: leavingMail,
      timeLeft: () => Math.max(1, deadline - readUptime()),
      spool,
      tolerance: { keepsOut: LIMITS },
      onOddities: (found) => {
        if (found.size > 0) note(`odd: ${[...found].join(',')}`)
      },
      note,
    })
    return { size, notes, result, messageId }
  } finally {
    settle?.()
    message.close()
  }
}

import { join } from 'node:path'
import { attachmentsScanner } from '../../../../../src/scanner/scan/scanners/attachments/attachments.ts'
import type { ScanSettings } from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import type { MessageSample } from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import type { ScanResult } from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { clamdSettings, sample } from '../clamd/task.ts'
import { multipart } from '../evasions/compose.ts'
import { planOf } from '../run/scanning.ts'

/** The rules of most sites. */
const rules = { BADATTACHMENTS: join(import.meta.dirname, 'badattachments') }
const scanSettings = clamdSettings('/nowhere', rules)
/** The same, for names inside archives, too. */
export const archivePolicy = clamdSettings('/nowhere', { ...rules, ARCHIVEBANS: 'on' })

/** A multipart/mixed of these parts, each with its header; every line ends in LF. */
export function mixed(boundary: string, ...parts: string[]): string {
  const around = { boundary, preamble: 'preamble\n', epilogue: 'epilogue\n' }
  return multipart('mixed', parts, around)
}

export const text = 'Content-Type: text/plain\n\nhello\n'

/** A part with this Content-Disposition. */
export function disposed(disposition: string, content = 'x'): string {
  return `Content-Type: application/octet-stream\nContent-Disposition: ${disposition}\n\n${content}\n`
}

/** The result of the plugin about a message by itself, and its notes. */
export async function searched(
  message: MessageSample,
  scanSettings: ScanSettings,
  gone?: AbortSignal,
): Promise<{ readonly result: ScanResult; readonly notes: readonly string[] }> {
  const notes: string[] = []
  const run = planOf([attachmentsScanner(scanSettings)], {
    settings: { SECONDLOOK: 'never' },
    tolerance: { keepsOut: new Set(['size']) },
    note: (text) => void notes.push(text),
    gone: gone,
  })
  const result = await runScanners(message, run)
  return { result, notes }
}

/** The banned name, `over: LIMIT`, or `clean`. */
export async function outcome(message: string | Buffer): Promise<string> {
  const { result } = await searched(sample(Buffer.from(message as string, 'latin1')), scanSettings)
  if (result.answer === 'infected') return result.name.replace(/^attachment /, '')
  return 'reason' in result ? result.reason.replace(/^attachments/, 'over') : result.answer
}

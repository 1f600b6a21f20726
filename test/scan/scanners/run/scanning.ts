import { tmpdir } from 'node:os'
import type { PolicyScanner, Scanner } from '../../../../src/scan/scanners/contract/scanner.ts'
import { clean, type ScanResult } from '../../../../src/scan/scanners/findings/scan-result.ts'
import type { ScanRun } from '../../../../src/scan/scanners/run/scan-run.ts'

/** Local policy that gives this answer about each message. */
export function localPolicy(name: string, answer: ScanResult = clean): PolicyScanner {
  const ignore = () => {}
  const noWork = () => []
  const inspection = { part: noWork, content: noWork, leaveUnread: ignore }
  return { name, isPolicy: true, inspect: async () => ({ ...inspection, answer: () => answer }) }
}

/** A scan by these scanners of a message as a whole, which each limit ends. */
export function runOf(scanners: readonly Scanner[], more: Partial<ScanRun> = {}): ScanRun {
  return {
    scanners,
    timeout: 60_000,
    settings: { SECONDLOOK: 'never' },
    spool: { directory: tmpdir(), sharedDirectory: undefined },
    keepsOut: new Set(['size', 'depth', 'contents']),
    uptime: () => performance.now(),
    note() {},
    ...more,
  }
}

/** The settings of a scan that is asked about each content, too. */
export const secondLook = { SECONDLOOK: 'always' } as const

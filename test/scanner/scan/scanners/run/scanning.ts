import { tmpdir } from 'node:os'
import {
  readScanSettings,
  type ScanSettings,
} from '../../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import type {
  BanScanner,
  Scanner,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  type ScanResult,
  type Tolerance,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { ScanPlan } from '../../../../../src/scanner/scan/scanners/run/scan-plan.ts'
import { leavingMail } from '../../../../../src/scanner/scan/scanners/run/submission.ts'

/** A scanner for bans that gives this answer about each message. */
export function banScanner(name: string, answer: ScanResult = clean): BanScanner {
  const ignore = () => {}
  const noWork = () => []
  const inspection = { part: noWork, content: noWork, leaveUnread: ignore }
  return { name, hasBans: true, inspect: async () => ({ ...inspection, answer: () => answer }) }
}

const settings = readScanSettings({ QHPSI: 'plugin: clamd' }, { qmailHome: '/q', control: '/c' })!

/** A scan by these scanners of a message as a whole, which each limit ends. */
export function planOf(
  scanners: readonly Scanner[],
  {
    settings: own,
    tolerance,
    ...more
  }: Partial<Omit<ScanPlan, 'settings' | 'tolerance'>> & {
    readonly settings?: Partial<ScanSettings>
    readonly tolerance?: Partial<Tolerance>
  } = {},
): ScanPlan {
  return {
    scanners,
    submission: leavingMail,
    timeLeft: () => 60_000,
    settings: { ...settings, SECONDLOOK: 'never', ...own },
    spool: { directory: tmpdir(), sharedDirectory: undefined },
    tolerance: { keepsOut: new Set(['size', 'depth', 'contents']), ...tolerance },
    note() {},
    ...more,
  }
}

/** The settings of a scan that is asked about each content, too. */
export const secondLook = { SECONDLOOK: 'always' } as const

import { type CheckLine, hasMark } from '../../base/check/check-line.ts'
import { checkDirectories } from './check-directories.ts'
import { checkKeyring } from './check-keyring.ts'
import { checkScanners } from './check-scanners.ts'
import { checkQuotad, checkVerdicts } from './check-servers.ts'
import { checkSettings } from './check-settings.ts'
import { checkClamd } from './clamd/check-clamd.ts'
import { type Check, type CheckedHost, runCheck } from './host/checked-host.ts'

/** The checks after that of the settings, in their order. Each comment lists the subjects of its check lines. */
const checks: readonly Check[] = [
  checkDirectories, // QUARANTINE, LOGFILE, spool (TMPDIR), SPOOLDIR
  checkKeyring, // keyring, key ID
  checkClamd, // clamd ADDRESS: VERSION, signatures, limits
  checkScanners, // scanner NAME: whether it finds EICAR
  checkQuotad, // QUOTAD: whether it answers
  checkVerdicts, // VERDICTS: whether the store answers
]

/**
 * Tests all that mail needs to be scanned with these settings, from this process, and yields check lines.
 * `onescand --check`, `onescan-queue --check` and `onescan check` use it. Checks that mean nothing before another
 * fault is corrected are skipped. After a fault of the settings these are all others; without a scanner
 * that can answer, that of the scanners.
 */
export async function* runChecks(host: CheckedHost): AsyncGenerator<CheckLine> {
  const settings = await runCheck(checkSettings, host)
  yield* settings
  if (settings.some((checkLine) => hasMark(checkLine, 'unreadable settings'))) return
  let scans = !settings.some((checkLine) => hasMark(checkLine, 'nothing scans'))
  for (const check of checks) {
    if (!scans && check === checkScanners) continue
    for (const checkLine of await runCheck(check, host)) {
      yield checkLine
      if (hasMark(checkLine, 'nothing scans') || hasMark(checkLine, 'only onescand scans'))
        scans = false
    }
  }
}

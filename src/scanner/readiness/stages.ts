import { type CheckLine, hasMark } from '../../base/check/check-line.ts'
import { checkDirectories } from './check-directories.ts'
import { checkKeyring } from './check-keyring.ts'
import { checkScanners } from './check-scanners.ts'
import { checkQuotad, checkVerdicts } from './check-servers.ts'
import { checkSettings } from './check-settings.ts'
import { checkClamd } from './clamd/check-clamd.ts'
import { runStage, type Stage, type StageHost } from './stage/stage.ts'

/** The stages after the settings, in their order. Each comment lists the subjects of its check lines. */
const stages: readonly Stage[] = [
  checkDirectories, // QUARANTINE, LOGFILE, spool (TMPDIR), SPOOLDIR
  checkKeyring, // keyring, key ID
  checkClamd, // clamd ADDRESS: VERSION, signatures, limits
  checkScanners, // scanner NAME: whether it finds EICAR
  checkQuotad, // QUOTAD: whether it answers
  checkVerdicts, // VERDICTS: whether the store answers
]

/**
 * Tests all that mail needs to be scanned with these settings, from this process, and yields check lines.
 * `onescand --check`, `onescan-queue --check` and `onescan check` use it. Stages that cannot run before another
 * fault is corrected are skipped. After a fault of the settings these are all other stages; without a scanner
 * that can answer, the stage of the scanners.
 */
export async function* tryStages(host: StageHost): AsyncGenerator<CheckLine> {
  const settings = await runStage(checkSettings, host)
  yield* settings
  if (settings.some((checkLine) => hasMark(checkLine, 'unreadable settings'))) return
  let scans = !settings.some((checkLine) => hasMark(checkLine, 'nothing scans'))
  for (const stage of stages) {
    if (!scans && stage === checkScanners) continue
    for (const checkLine of await runStage(stage, host)) {
      yield checkLine
      if (hasMark(checkLine, 'nothing scans') || hasMark(checkLine, 'only onescand scans'))
        scans = false
    }
  }
}

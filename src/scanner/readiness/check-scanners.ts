import {
  type CheckLine,
  failure,
  following,
  marked,
  ok,
  warning,
} from '../../base/check/check-line.ts'
import { errorText } from '../../base/errors/fault.ts'
import { whenInterrupted } from '../../base/process/command-line.ts'
import { DEFAULT_DATABASE } from '../../base/settings/table/clamav.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import type { ScanSettings } from '../scan/scanners/contract/scan-settings.ts'
import type { Scanner } from '../scan/scanners/contract/scanner.ts'
import { causeOf, type ScanResult, unknown } from '../scan/scanners/findings/scan-result.ts'
import { makeScanners } from '../scan/scanners/make-scanners.ts'
import { scanBytes } from '../scan/scanners/run/manual-scan.ts'
import { checkCount } from './clamd/clamd-signatures.ts'
import { type CheckedHost, inSettingsOf, scanSettingsOf } from './host/checked-host.ts'
import { unscannedMailIs } from './host/passes-unscanned.ts'
import { eicarMessage } from './test-mail/eicar-message.ts'

/** Checks whether each scanner in QHPSI finds EICAR in the test message. */
export async function checkScanners(host: CheckedHost): Promise<CheckLine[]> {
  const settings = scanSettingsOf(host)
  if (settings === undefined) return []
  const scanners = await makeScanners(settings)
  const checkLines: CheckLine[] = []
  let findsEicar = false
  for (const scanner of scanners) {
    const scanned = await tryScanner(host, settings, scanner)
    findsEicar ||= scanned.answer === 'infected' && !scanned.isBanned
    checkLines.push(judgeScanner(scanner, scanned, unscannedMailIs(host.env)))
  }
  checkLines.push(...checkDatabase(settings))
  // If one scanner finds viruses, another one may be there for something else.
  if (findsEicar) return checkLines
  // A site may have written a plugin for something else alone.
  const level = scanners.some(isOwnPlugin) ? 'warning' : 'error'
  const toFind = inSettingsOf(
    host,
    'set QHPSI to a scanner that finds EICAR, such as "plugin: clamd"',
  )
  return checkLines.map((checkLine) => {
    const { value, remedy = toFind } = checkLine
    if (checkLine.level === 'error') return checkLine
    const accepts = {
      ...checkLine,
      level,
      value: `${value}, so viruses are accepted`,
      remedy,
    } as const
    return marked(accepts, 'finds no virus')
  })
}

/** Returns whether the site has written this scanner: its name is that of a file. */
function isOwnPlugin({ name }: Scanner): boolean {
  return name.includes('.')
}

/** Checks clamscan's own database, if it is the scanner. */
function checkDatabase({ QHPSI, CLAMDBDIR }: ScanSettings): CheckLine[] {
  const isUsed = QHPSI.kind === 'plugins' && QHPSI.names.includes('clamscan')
  if (!isUsed) return []
  return checkCount('scanner clamscan', CLAMDBDIR ?? DEFAULT_DATABASE)
}

/** The scanner's answer. If the message cannot be spooled, the answer is *unknown*. */
async function tryScanner(
  host: CheckedHost,
  settings: ScanSettings,
  scanner: Scanner,
): Promise<ScanResult> {
  try {
    return await scanEicar(host, settings, scanner)
  } catch (error) {
    return unknown(errorText(error), causeOf(error))
  }
}

/** `meanwhile` is what happens to mail while the answer of the scanner is unknown. */
function judgeScanner(scanner: Scanner, scanned: ScanResult, meanwhile: string): CheckLine {
  const what = `scanner ${scanner.name}`
  switch (scanned.answer) {
    case 'infected':
      if (scanned.isBanned) return ok(what, `bans "${scanned.name}": it is not a virus scanner`)
      return ok(what, `finds EICAR: ${scanned.name}`)
    case 'clean':
      if (scanner.hasBans || isOwnPlugin(scanner)) {
        return ok(what, 'does not find EICAR: it is not a virus scanner')
      }
      return following(
        warning(
          what,
          'reports EICAR as clean: it may not find any virus',
          'update the signatures of this scanner, or set QHPSI to one that finds EICAR',
        ),
        'needs signatures',
      )
    case 'unread': {
      return failure(
        what,
        `does not scan all of a small message with EICAR: ${scanned.reason}`,
        'raise the limits of this scanner',
      )
    }
    case 'unknown': {
      const value = `returns no result (${scanned.reason}), so mail is ${meanwhile}`
      const remedy = `fix the cause in parentheses; the log of ${scanner.name} may have more`
      return marked(failure(what, value, remedy), 'nothing scans')
    }
  }
}

async function scanEicar(
  host: CheckedHost,
  settings: ScanSettings,
  scanner: Scanner,
): Promise<ScanResult> {
  const source = (async function* () {
    yield eicarMessage
  })()
  const { result } = await scanBytes(source, {
    spool: readSpoolSettings(host.env),
    scanners: [scanner],
    settings,
    whenInterrupted,
  })
  return result
}

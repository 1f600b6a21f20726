import { errorText } from '../../ground/errors/fault.ts'
import { error, type Finding, marked, ok, warning } from '../../ground/errors/finding.ts'
import { DEFAULT_DATABASE } from '../../ground/settings/table/scanning.ts'
import { readSpoolPolicy } from '../../mail/message/spool.ts'
import { eicarMessage } from '../../scan/scanners/eicar/eicar-message.ts'
import { scanBytes } from '../../scan/scanners/scan-bytes.ts'
import { makeScanners } from '../../scan/scanners/scanners.ts'
import { causeOf, type ScanFinding, unknown } from '../../scan/scanners/shared/finding.ts'
import type { ScanSettings } from '../../scan/scanners/shared/scan-settings.ts'
import type { Scanner } from '../../scan/scanners/shared/scanner.ts'
import { checkCount } from './signatures.ts'
import { type StageHost, scanSettingsOf } from './stage.ts'

/** Checks whether each scanner in QHPSI finds EICAR in the test message. */
export async function checkScanners(host: StageHost): Promise<Finding[]> {
  const settings = scanSettingsOf(host)
  if (settings === undefined) return []
  const scanners = await makeScanners(settings)
  const findings: Finding[] = []
  let findsEicar = false
  for (const scanner of scanners) {
    const result = await tryScanner(host, settings, scanner)
    findsEicar ||= result.answer === 'infected' && !result.banned
    findings.push(judgeResult(scanner, result))
  }
  findings.push(...checkDatabase(settings))
  // If one scanner finds viruses, another one may be there for something else.
  if (findsEicar) return findings
  // A site may have written a plugin for something else alone.
  const told = scanners.some(isOwnPlugin) ? warning : error
  return findings.map((finding) =>
    finding.level === 'error' ? finding : told(finding.what, finding.value, NOTHING_SCANS),
  )
}

/** Whether the site has written this scanner: its name is that of a file. */
function isOwnPlugin({ name }: Scanner): boolean {
  return name.includes('.')
}

/** Checks clamscan's own database, if it is the scanner. */
function checkDatabase({ QHPSI, CLAMSCAN, CLAMDBDIR }: ScanSettings): Finding[] {
  const isUsed = QHPSI.kind === 'plugins' && QHPSI.names.includes('clamscan')
  if (!isUsed || CLAMSCAN !== 'clamscan') return []
  return checkCount('scanner clamscan', CLAMDBDIR ?? DEFAULT_DATABASE)
}

/** The scanner's answer. If the message cannot be spooled, the answer is *could not tell*. */
async function tryScanner(
  host: StageHost,
  settings: ScanSettings,
  scanner: Scanner,
): Promise<ScanFinding> {
  try {
    return await scanEicar(host, settings, scanner)
  } catch (thrown) {
    return unknown(errorText(thrown), causeOf(thrown))
  }
}

const NOTHING_SCANS = 'viruses get in until a scanner of QHPSI finds this one'

function judgeResult(scanner: Scanner, result: ScanFinding): Finding {
  const what = `scanner ${scanner.name}`
  switch (result.answer) {
    case 'infected':
      if (result.banned) return ok(what, `bans "${result.name}": it is not a virus scanner`)
      return ok(what, `finds EICAR: ${result.name}`)
    case 'clean':
      if (scanner.local || isOwnPlugin(scanner)) {
        return ok(what, 'lets EICAR pass: it is not a virus scanner')
      }
      return warning(
        what,
        'says that EICAR is clean',
        'see its signatures: it may find nothing at all',
      )
    case 'unseen':
    case 'unknown':
      return marked(
        error(what, `cannot tell: ${result.why}`, 'correct it; until then mail is deferred'),
        'nothing scans',
      )
  }
}

async function scanEicar(
  host: StageHost,
  settings: ScanSettings,
  scanner: Scanner,
): Promise<ScanFinding> {
  const source = (async function* () {
    yield eicarMessage
  })()
  const { result } = await scanBytes(source, {
    spool: readSpoolPolicy(host.env),
    scanners: [scanner],
    settings,
  })
  return result
}

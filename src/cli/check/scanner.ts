import { makeEnvelope } from '../../envelope/envelope.ts'
import { readSpoolPolicy } from '../../message/policy.ts'
import type { ScanPolicy } from '../../scan/policy.ts'
import { runScanners, type ScanResult } from '../../scan/scan.ts'
import type { Scanner } from '../../scan/scanner.ts'
import { makeScanners } from '../../scan/scanners.ts'
import { spoolMessage } from '../spool-message.ts'
import { eicarMessage } from './eicar-message.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { type Host, scanPolicyOf } from './host.ts'

/** Is it scanning? Each scanner that QHPSI names gets the EICAR test message. */
export async function checkScanners(host: Host): Promise<Finding[]> {
  const policy = scanPolicyOf(host)
  if (policy === undefined) return []
  const scanners = await makeScanners(policy)
  const findings: Finding[] = []
  for (const scanner of scanners) {
    const result = await scanEicar(host, policy, scanner)
    findings.push(judge(scanner, result))
  }
  const found = findings.some(({ value }) => value.startsWith(FOUND))
  // Next to one that finds viruses another may have another task.
  return found ? findings : findings.map((finding) => ({ ...finding, level: 'error' }))
}

const FOUND = 'finds EICAR'

function judge(scanner: Scanner, result: ScanResult): Finding {
  const what = `scanner ${scanner.name}`
  switch (result.answer) {
    case 'infected':
      return ok(what, `${FOUND}: ${result.name}`)
    case 'clean':
      if (scanner.local) return ok(what, 'lets EICAR pass: it is no virus scanner')
      return warning(
        what,
        'says that EICAR is clean',
        'see its signatures: it may find nothing at all',
      )
    case 'skipped':
    case 'unknown':
      return error(what, `cannot tell: ${result.why}`, 'mail is deferred until this is corrected')
  }
}

async function scanEicar(host: Host, policy: ScanPolicy, scanner: Scanner): Promise<ScanResult> {
  const source = (async function* () {
    yield eicarMessage
  })()
  const message = await spoolMessage(source, readSpoolPolicy(host.env), [])
  try {
    return await runScanners(
      {
        size: message.size,
        envelope: makeEnvelope(Buffer.alloc(0), []),
        pathIsShared: message.pathIsShared,
        chunks: () => message.chunks(),
        path: () => message.path(),
      },
      { scanners: [scanner], timeout: policy.timeout, oversize: 'defer', now: Date.now, note() {} },
    )
  } finally {
    message.close()
  }
}

import { errorText } from '../../../ground/errors/fault.ts'
import { type ClamdAddress, readClamdAddress } from '../../../scan/clamd/address.ts'
import { askClamd } from '../../../scan/clamd/ask.ts'
import type { ScanPolicy } from '../../../scan/shared/scan-policy.ts'
import { obstacle } from '../shared/account.ts'
import { error, type Finding, ok, warning } from '../shared/finding.ts'
import { accountText, type Host, scanPolicyOf } from '../shared/host.ts'
import { checkClamdLimits } from './clamd-limits.ts'
import { checkClamdPath } from './clamd-path.ts'
import { checkCount, databaseOf } from './signatures.ts'

/** Milliseconds for an answer that needs no scan. */
const PATIENCE = 10_000
const DAY = 24 * 60 * 60 * 1000
/** Signatures are out of date after so many days: ClamAV publishes new ones every day. */
const OLD = 7

/** Checks the servers of CLAMD, if QHPSI names clamd: do they answer, and how do they scan? */
export async function checkClamd(host: Host): Promise<Finding[]> {
  const policy = scanPolicyOf(host)
  if (policy === undefined || !asksClamd(policy)) return []
  const servers: Finding[][] = []
  for (const text of policy.clam.addresses) servers.push(await checkServer(host, policy, text))
  // If one of them answers, mail is scanned.
  const oneAnswers = servers.some((findings) => !findings.some(isDown))
  return servers.flat().map((finding) => (oneAnswers ? butOthersScan(finding) : finding))
}

const DOWN = 'start clamd, or see that CLAMD names its LocalSocket'
const isDown = ({ remedy }: Finding) => remedy === DOWN

function butOthersScan(finding: Finding): Finding {
  if (!isDown(finding)) return finding
  return warning(finding.what, `${finding.value}: the others of CLAMD scan its mail`, DOWN)
}

function asksClamd({ line }: ScanPolicy): boolean {
  return line.kind === 'plugins' && line.names.includes('clamd')
}

async function checkServer(host: Host, policy: ScanPolicy, text: string): Promise<Finding[]> {
  const what = `clamd ${text}`
  let server: ClamdAddress
  try {
    server = readClamdAddress(text)
  } catch (thrown) {
    return [error(what, errorText(thrown), 'correct CLAMD; until then mail is deferred')]
  }
  const outcome = await askClamd(server, 'VERSION', AbortSignal.timeout(PATIENCE))
  if (outcome.kind !== 'answered') {
    return [error(what, outcome.why, DOWN)]
  }
  const version = checkSignatures(what, outcome.answer, host.now)
  // it is no clamd, and might take a scan without a word
  if (version.level === 'error') return [version]
  return [
    ...checkSocketAccess(host, server),
    ...signatures(host, server, version),
    ...(await checkClamdPath(host, server)),
    ...(await checkClamdLimits(server, policy)),
  ]
}

/** The number of signatures, unless their date already shows that they are useless. */
function signatures(host: Host, server: ClamdAddress, dated: Finding): Finding[] {
  const database = databaseOf(server, host.env)
  if (database === undefined || dated.level === 'error') return [dated]
  const count = checkCount(dated.what, database)
  return count.length > 0 ? count : [dated]
}

function checkSocketAccess(host: Host, server: ClamdAddress): Finding[] {
  if (server.kind !== 'unix') return []
  const barrier = obstacle(host.account, server.path, 'write')
  if (barrier === undefined) return []
  const value = `${accountText(host)} cannot connect: mail is deferred`
  return [error(`clamd ${server.text}`, value, `see LocalSocketMode, or the mode of ${barrier}`)]
}

/**
 * `ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`; only the first part if it has no signatures of
 * ClamAV.
 */
export function checkSignatures(what: string, version: string, now: number): Finding {
  const [, name = version, date = ''] = /^(ClamAV [^/]*)\/\d+\/(.*)$/.exec(version) ?? []
  const days = Math.floor((now - Date.parse(`${date} UTC`)) / DAY)
  if (!name.startsWith('ClamAV')) {
    return error(
      what,
      `answers VERSION with "${version.slice(0, 60)}"`,
      'see that CLAMD names a clamd',
    )
  }
  if (Number.isNaN(days)) {
    const value = `answers, ${name}, signatures without a date: not those of ClamAV`
    return warning(what, value, 'run freshclam if you want those')
  }
  const value = `answers, ${name}, signatures of ${date}`
  return days > OLD ? warning(what, `${value}: ${days} days old`, 'see freshclam') : ok(what, value)
}

import { errorText } from '../../fault.ts'
import { type ClamdAddress, readClamdAddress } from '../../scan/clamd/address.ts'
import { askClamd } from '../../scan/clamd/ask.ts'
import type { ScanPolicy } from '../../scan/policy.ts'
import { obstacle } from './account.ts'
import { checkClamdLimits } from './clamd-limits.ts'
import { checkClamdPath } from './clamd-path.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { accountText, type Host, scanPolicyOf } from './host.ts'

/** Milliseconds for a question that needs no scan. */
const PATIENCE = 10_000
const DAY = 24 * 60 * 60 * 1000
/** Days after which signatures are out of date: ClamAV's come every day. */
const OLD = 7

/** The servers of CLAMD, where QHPSI asks them: do they answer, and what do they look at? */
export async function checkClamd(host: Host): Promise<Finding[]> {
  const policy = scanPolicyOf(host)
  if (policy === undefined || !asksClamd(policy)) return []
  const findings: Finding[] = []
  for (const text of policy.clam.addresses)
    findings.push(...(await checkServer(host, policy, text)))
  return findings
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
    return [error(what, errorText(thrown), 'mail is deferred until CLAMD is corrected')]
  }
  const outcome = await askClamd(server, 'VERSION', AbortSignal.timeout(PATIENCE))
  if (outcome.kind !== 'answered') {
    return [error(what, outcome.why, 'start clamd, or see that CLAMD names its LocalSocket')]
  }
  return [
    ...checkSocketAccess(host, server),
    checkSignatures(what, outcome.answer, host.now),
    ...(await checkClamdPath(host, server)),
    ...(await checkClamdLimits(server, policy)),
  ]
}

function checkSocketAccess(host: Host, server: ClamdAddress): Finding[] {
  if (server.kind !== 'unix') return []
  const barrier = obstacle(host.account, server.path, 'write')
  if (barrier === undefined) return []
  const value = `${accountText(host)} cannot connect: mail is deferred`
  return [error(`clamd ${server.text}`, value, `LocalSocketMode, or the mode of ${barrier}`)]
}

/** `ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`; without ClamAV's own signatures only the first part. */
export function checkSignatures(what: string, version: string, now: number): Finding {
  const [, name = version, date = ''] = /^(ClamAV [^/]*)\/\d+\/(.*)$/.exec(version) ?? []
  const days = Math.floor((now - Date.parse(`${date} UTC`)) / DAY)
  if (!name.startsWith('ClamAV')) {
    return error(what, `answers VERSION with "${version.slice(0, 60)}"`, 'is it a clamd?')
  }
  if (Number.isNaN(days)) return ok(what, `answers, ${name}`)
  const value = `answers, ${name}, signatures of ${date}`
  return days > OLD ? warning(what, `${value}: ${days} days old`, 'see freshclam') : ok(what, value)
}

import { errorText } from '../../../ground/errors/fault.ts'
import { type ClamdAddress, readClamdAddress } from '../../../scan/clamd/address.ts'
import { askClamd } from '../../../scan/clamd/ask.ts'
import type { ScanPolicy } from '../../../scan/shared/scan-policy.ts'
import { obstacle } from '../shared/account.ts'
import { error, type Finding, ok, warning } from '../shared/finding.ts'
import { accountText, type Host, scanPolicyOf } from '../shared/host.ts'
import { checkClamdLimits } from './clamd-limits.ts'
import { checkCount, databaseOf } from './signatures.ts'

/** Milliseconds for the answer to VERSION. */
const PATIENCE = 10_000
const DAY = 24 * 60 * 60 * 1000
/** Days after which signatures are out of date: ClamAV publishes new ones every day. */
const OLD = 7

/** Checks each server of CLAMD, if QHPSI names clamd: does it answer, and how does it scan? */
export async function checkClamd(host: Host): Promise<Finding[]> {
  const policy = scanPolicyOf(host)
  if (policy === undefined || !asksClamd(policy)) return []
  const servers: ClamdReport[] = []
  for (const text of policy.clam.addresses) servers.push(await checkServer(host, policy, text))
  const oneAnswers = servers.some(({ isDown }) => !isDown)
  return servers.flatMap(({ isDown, findings }) =>
    isDown && oneAnswers ? findings.map(othersScan) : findings,
  )
}

/** The findings about one server. */
interface ClamdReport {
  /** Whether the server does not answer. */
  readonly isDown: boolean
  readonly findings: readonly Finding[]
}

const START_CLAMD = 'start clamd, or see that CLAMD names its LocalSocket'

/** A server that is down is a warning as long as another one scans mail. */
function othersScan({ what, value }: Finding): Finding {
  return warning(what, `${value}: the other servers of CLAMD scan its mail`, START_CLAMD)
}

function asksClamd({ line }: ScanPolicy): boolean {
  return line.kind === 'plugins' && line.names.includes('clamd')
}

async function checkServer(host: Host, policy: ScanPolicy, text: string): Promise<ClamdReport> {
  const what = `clamd ${text}`
  let server: ClamdAddress
  try {
    server = readClamdAddress(text)
  } catch (thrown) {
    const remedy = 'correct CLAMD; until then mail is deferred'
    return { isDown: false, findings: [error(what, errorText(thrown), remedy)] }
  }
  const outcome = await askClamd(server, 'VERSION', AbortSignal.timeout(PATIENCE))
  if (outcome.kind !== 'answered') {
    return { isDown: true, findings: [error(what, outcome.why, START_CLAMD)] }
  }
  const version = checkSignatures(what, outcome.answer, host.now)
  // A program that is no clamd gets no scan: it might take the message and never answer.
  if (version.level === 'error') return { isDown: false, findings: [version] }
  return {
    isDown: false,
    findings: [
      ...checkSocketAccess(host, server),
      ...signatures(host, server, version),
      ...(await checkClamdLimits(server, policy)),
    ],
  }
}

/** The finding about too few signatures; else the one about their date. */
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
 * Judges clamd's answer to VERSION: `ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`, or only the first
 * part if it has no signatures of ClamAV. `now` is in milliseconds.
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

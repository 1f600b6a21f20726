import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../../ground/errors/fault.ts'
import { error, type Finding, marked, ok, warning } from '../../ground/errors/finding.ts'
import { type ClamdAddress, readClamdAddress } from '../../scan/scanners/clamd/address.ts'
import { clamdConfOf, databaseIn } from '../../scan/scanners/clamd/database.ts'
import type { ScanSettings } from '../../scan/scanners/shared/scan-settings.ts'
import { groupName, obstacle } from './account.ts'
import { checkClamdLimits } from './clamd-limits.ts'
import { askVersion, signaturesOf, VERSION_WITHIN } from './clamd-watch.ts'
import { checkCount, signaturesIn } from './scanner.ts'
import { accountText, type StageHost, scanSettingsOf } from './stage.ts'

const DAY = 24 * 60 * 60 * 1000
/** Days after which signatures are out of date: ClamAV publishes new ones every day. */
const OLD = 7

/** Checks each server of CLAMD, if QHPSI names clamd: does it answer, and how does it scan? */
export async function checkClamd(host: StageHost): Promise<Finding[]> {
  const settings = scanSettingsOf(host)
  if (settings === undefined || !asksClamd(settings)) return []
  const servers: ClamdReport[] = []
  for (const text of settings.CLAMD) servers.push(await checkServer(host, settings, text))
  const oneAnswers = servers.some(({ isDown }) => !isDown)
  return servers.flatMap(({ isDown, findings }) => {
    if (!isDown) return findings
    return findings.map((finding) =>
      oneAnswers ? othersScan(finding) : marked(finding, 'nothing scans'),
    )
  })
}

/** A clamd without signatures does not start. On a new host freshclam(1) fetches them first. */
function howToStart(server: ClamdAddress, { env }: StageHost): string {
  const conf = server.kind === 'unix' ? clamdConfOf(server, env.CLAMDCONF) : undefined
  const database = env.CLAMDBDIR || (conf && databaseIn(conf))
  if (database && signaturesIn(database) === 0) {
    return `let freshclam fetch signatures (${database} has none, and clamd does not start without), then start clamd`
  }
  return 'start clamd, or see that CLAMD names its LocalSocket'
}

/** The findings about one server. */
interface ClamdReport {
  /** Whether no clamd answers there. */
  readonly isDown: boolean
  readonly findings: readonly Finding[]
}

/** A server that is down is a warning as long as another one scans mail. */
function othersScan({ what, value, remedy = '' }: Finding): Finding {
  return warning(what, `${value}: the other servers of CLAMD scan its mail`, remedy)
}

function asksClamd({ QHPSI }: ScanSettings): boolean {
  return QHPSI.kind === 'plugins' && QHPSI.names.includes('clamd')
}

async function checkServer(
  host: StageHost,
  settings: ScanSettings,
  text: string,
): Promise<ClamdReport> {
  const what = `clamd ${text}`
  const server = readClamdAddress(text)
  const closed = checkSocketAccess(host, server)
  if (closed !== undefined) return { isDown: closed.level === 'error', findings: [closed] }
  const outcome = await askVersion(server)
  if (outcome.kind !== 'answered') {
    const hangs = `it takes connections and does not answer within ${VERSION_WITHIN / 1000} s`
    const finding =
      outcome.kind === 'timed-out'
        ? error(what, hangs, 'see the log of clamd, and restart it')
        : error(what, outcome.why, howToStart(server, host))
    return { isDown: true, findings: [finding] }
  }
  const version = checkSignatures(what, outcome.answer, host.now)
  // A program that is not clamd gets no scan: it might take the message and never answer.
  if (version.level === 'error') return { isDown: true, findings: [version] }
  // It scans for the slot only while onescand cannot; the check of onescand says all else about it.
  if (host.asksOnescand) return { isDown: false, findings: [ok(what, 'answers')] }
  return {
    isDown: false,
    findings: [
      ...signatures(host, server, version),
      ...(await checkClamdLimits(server, settings)),
      ...checkMemory(what, outcome.answer, clamdConfOf(server, host.env.CLAMDCONF)),
    ],
  }
}

/** The finding about too few signatures; else the one about their date. */
function signatures(host: StageHost, server: ClamdAddress, dated: Finding): Finding[] {
  const { CLAMDBDIR, CLAMDCONF } = host.env
  const conf = clamdConfOf(server, CLAMDCONF)
  const own = CLAMDBDIR || (conf && databaseIn(conf))
  const database = server.kind === 'unix' ? own : undefined
  if (database === undefined || dated.level === 'error') return [dated]
  const count = checkCount(dated.what, database)
  return count.length > 0 ? count : [dated]
}

/** The finding that the account may not connect; undefined if it may, or if there is no socket. */
function checkSocketAccess(host: StageHost, server: ClamdAddress): Finding | undefined {
  if (server.kind !== 'unix') return undefined
  let barrier: string | undefined
  try {
    barrier = obstacle(host.account, server.path, 'write')
  } catch (thrown) {
    // Behind a directory that is closed, the account cannot even see the socket.
    if (errorCode(thrown) !== 'EACCES') return undefined
    barrier = dirname(server.path)
  }
  if (barrier === undefined) return undefined
  const what = `clamd ${server.text}`
  const remedy = openTo(host, server.path, barrier)
  if (host.asksOnescand) {
    const value = `${accountText(host)} cannot connect: while onescand cannot answer, mail is deferred`
    return marked(warning(what, value, remedy), 'only onescand scans')
  }
  return error(what, `${accountText(host)} cannot connect: mail is deferred`, remedy)
}

/** What lets the account connect. A slot below tcpserver(1) has one group alone, which it needs for onescand. */
function openTo({ account, accounts, isDaemon }: StageHost, socket: string, barrier: string) {
  const { gid, mode } = statSync(barrier)
  // Nobody should be in the group of root for the sake of a socket.
  if (isDaemon && (mode & 0o030) !== 0 && gid !== 0) {
    return `adduser ${account.name} ${groupName(accounts, gid)}, and restart onescand`
  }
  return barrier === socket
    ? 'set "LocalSocketMode 666" in its clamd.conf, and restart clamd'
    : `see the mode of ${barrier}`
}

/**
 * Says that clamd before 1.5 knows what it found clean by MD5 and length alone: who makes two files with
 * the same of both hides one behind the other, clamd.conf(5) DisableCache.
 */
function checkMemory(what: string, version: string, conf: string | undefined): Finding[] {
  const [, major = 1, minor = 5] = /^ClamAV (\d+)\.(\d+)/.exec(version) ?? []
  if (Number(major) > 1 || Number(minor) >= 5) return []
  if (/^\s*DisableCache\s+(yes|true|1)\b/im.test(conf ?? '')) return []
  const value =
    'knows clean files by MD5 and length: of twins that share both, the second is not scanned; ' +
    'from clamd 1.5 on, or with "DisableCache yes", it is'
  return [ok(`${what} memory`, value)]
}

/**
 * Judges clamd's answer to VERSION: `ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`, or only the first
 * part if it has no signatures of ClamAV. `now` is in milliseconds.
 */
export function checkSignatures(what: string, version: string, now: number): Finding {
  const [name = version, , date = ''] = version.split('/')
  const { made } = signaturesOf(version)
  if (!name.startsWith('ClamAV')) {
    return error(
      what,
      `answers VERSION with "${version.slice(0, 60)}"`,
      'see that CLAMD names a clamd',
    )
  }
  if (made === undefined) {
    const value = `answers, ${name}, signatures without a date: not those of ClamAV`
    return warning(what, value, 'run freshclam if you want those')
  }
  const value = `answers, ${name}, signatures of ${date}`
  const days = Math.floor((now - made) / DAY)
  return days > OLD ? warning(what, `${value}: ${days} days old`, 'see freshclam') : ok(what, value)
}

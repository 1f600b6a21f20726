import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { isIP } from 'node:net'
import { dirname } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type CheckLine, failure, marked, ok, warning } from '../../../base/check/check-line.ts'
import { attempt, errorCode } from '../../../base/errors/fault.ts'
import { codeInWords } from '../../../base/errors/system-error.ts'
import { answerInTime } from '../../../base/flow/timeout.ts'
import { loadSystem } from '../../../base/runtime/system.ts'
import { editToAllow, isOutsideUnit } from '../../../base/systemd/address-filter.ts'
import { isUnderSystemd } from '../../../base/systemd/bound-paths.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { DAY, formatDay, formatDuration } from '../../../base/text/units.ts'
import { type ClamdAddress, readClamdAddress } from '../../scan/scanners/clamd/clamd-address.ts'
import {
  clamdConfOf,
  configuredAddress,
  databaseIn,
  toSetInConf,
} from '../../scan/scanners/clamd/clamd-conf.ts'
import { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { isSecure, loadConnect } from '../../scan/scanners/clamd/connect.ts'
import {
  type ClamdOutcome,
  type ClamdSession,
  EXPECTS_TLS,
} from '../../scan/scanners/clamd/session.ts'
import { askClamd, serverCommand } from '../../scan/scanners/clamd/session-pool.ts'
import type { ScanSettings } from '../../scan/scanners/contract/scan-settings.ts'
import { joinGroup, obstacle } from '../host/account.ts'
import {
  accountText,
  type CheckedHost,
  inSettingsOf,
  scanSettingsOf,
} from '../host/checked-host.ts'
import { unscannedMailIs } from '../host/passes-unscanned.ts'
import { checkConfLimits } from './agreeing-limits.ts'
import { checkAlerts } from './clamd-alerts.ts'
import { checkClamdLimits, checkSwitches, checkTemporaryFiles } from './clamd-limits.ts'
import {
  checkMemory,
  checkReload,
  checkSignatures,
  lacksSignatures,
  signatureLines,
  signaturesIn,
} from './clamd-signatures.ts'

/**
 * Milliseconds for the answer to VERSION, for which clamd has a thread of its own: more than for a connection, whose own
 * failure has another remedy.
 */
const VERSION_TIMEOUT = 6_000

/** Checks each server of CLAMD, if QHPSI names clamd: does it answer, and how does it scan? */
export async function checkClamd(host: CheckedHost): Promise<CheckLine[]> {
  const settings = scanSettingsOf(host)
  if (settings === undefined || !asksClamd(settings)) return []
  const servers: ClamdReport[] = []
  for (const text of settings.CLAMD) servers.push(await checkServer(host, settings, text))
  const oneAnswers = servers.some(({ isDown }) => !isDown)
  return servers.flatMap(({ isDown, checkLines }) => {
    if (!isDown) return checkLines
    return checkLines.map((checkLine) =>
      oneAnswers ? othersScan(checkLine) : marked(checkLine, 'nothing scans'),
    )
  })
}

const RESTART = "restart clamd; if that does not help, read clamd's log"

/** Returns the check line about a clamd that does not answer VERSION. */
function checkSilent(
  host: CheckedHost,
  { CLAMD }: ScanSettings,
  server: ClamdAddress,
  outcome: Exclude<ClamdOutcome<string>, { kind: 'answered' }>,
): CheckLine {
  const what = `clamd ${server.text}`
  if (outcome.reason === EXPECTS_TLS) {
    const remedy = inSettingsOf(
      host,
      `set CLAMD="tls://${server.text}", CLAMDCERT, CLAMDKEY and CLAMDCA (doc/cluster.md)`,
    )
    return failure(what, outcome.reason, remedy)
  }
  const kept = keptOutByUnit(server, outcome)
  if (kept !== undefined && isUnderSystemd()) return kept
  if (outcome.kind === 'timed-out') {
    const hangs = `it accepts connections, but does not answer within ${formatDuration(VERSION_TIMEOUT)}`
    return failure(what, hangs, RESTART)
  }
  // clamd takes no connection: either it hangs, or its threads scan more than they can.
  if (outcome.kind === 'unreachable' && outcome.state === 'full')
    return failure(what, outcome.reason, RESTART)
  if (outcome.reason.includes(codeInWords('EAI_AGAIN'))) {
    const address = inSettingsOf(host, 'write the IP address of that host in CLAMD')
    return failure(
      what,
      outcome.reason,
      `correct the nameserver lines of /etc/resolv.conf; or ${address}`,
    )
  }
  if (server.kind === 'tcp' && outcome.kind === 'unreachable' && outcome.state === 'silent') {
    const value = `${outcome.reason}: its packets are dropped on their way`
    const remedy =
      'let onescand connect: correct the firewall (nft list ruleset), or IPAddressAllow= in an addition to its unit (systemctl cat onescand), and restart what you changed'
    return failure(what, value, remedy)
  }
  const conf = server.kind === 'unix' ? clamdConfOf(server, host.clamdConfigFiles) : undefined
  const database = host.env.CLAMDBDIR || (conf && databaseIn(conf))
  if (database && signaturesIn(database) === 0) {
    // On a new host freshclam(1) fetches them first.
    const value = `${outcome.reason}: clamd does not start without signatures, and ${database} has none`
    return lacksSignatures(failure, what, value)
  }
  const isUnknown = CLAMD.length === 1 && conf === undefined && server.kind === 'unix'
  const other = isUnknown ? configuredAddress(host.clamdConfigFiles) : undefined
  const start = other
    ? inSettingsOf(host, `set CLAMD="${other}", the address in clamd.conf,`)
    : 'start clamd, or set CLAMD to the LocalSocket in its clamd.conf'
  const remedy = isSecure(server)
    ? 'on that host, start onescand with --clamd tls:, and run onescan check --daemon'
    : start
  const checkLine = failure(what, outcome.reason, remedy)
  const isGone = outcome.kind === 'unreachable'
  return isGone && server.kind === 'unix' ? marked(checkLine, 'clamd does not run') : checkLine
}

/**
 * Returns the check line about a server whose address the units of the package do not allow, or undefined if they do.
 * The unit here refuses the connection (EPERM), that of an onescand there drops its packets.
 */
export function keptOutByUnit(
  server: ClamdAddress,
  outcome: Exclude<ClamdOutcome<string>, { kind: 'answered' }>,
): CheckLine | undefined {
  if (server.kind !== 'tcp') return undefined
  const reason = outcome.kind === 'timed-out' ? 'it does not answer' : outcome.reason
  const isRefusedHere = reason.includes(codeInWords('EPERM'))
  // A filter drops packets: only a host answers that nothing listens.
  const isSilent = isOutsideUnit(server.host) && !reason.includes(codeInWords('ECONNREFUSED'))
  if (!isRefusedHere && !isSilent) return undefined
  const address = isIP(server.host) === 0 ? 'ADDRESS' : server.host
  const value = isRefusedHere
    ? `${reason}: the unit of onescand blocks addresses that it does not list (IPAddressDeny=any)`
    : `${reason}: a unit of onescand blocks public addresses that it does not list (IPAddressDeny=any)`
  const further = isSecure(server) ? '; do the same on that host, with the address of this one' : ''
  return failure(`clamd ${server.text}`, value, `${editToAllow('onescand', address)}${further}`)
}

/** The check lines about one server. */
interface ClamdReport {
  /** Whether no clamd answers there. */
  readonly isDown: boolean
  readonly checkLines: readonly CheckLine[]
}

/** A server that is down is a warning as long as another one scans mail. */
function othersScan(checkLine: CheckLine): CheckLine {
  const value = `${checkLine.value}: the other servers of CLAMD scan its mail`
  return { ...checkLine, level: 'warning', value }
}

function asksClamd({ QHPSI }: ScanSettings): boolean {
  return QHPSI.kind === 'plugins' && QHPSI.names.includes('clamd')
}

async function checkServer(
  host: CheckedHost,
  settings: ScanSettings,
  text: string,
): Promise<ClamdReport> {
  const what = `clamd ${text}`
  const server = readClamdAddress(text, settings)
  const closed = checkSocketAccess(host, server)
  if (closed !== undefined) return { isDown: closed.level === 'error', checkLines: [closed] }
  const outcome = await askVersion(server)
  if (outcome.kind !== 'answered') {
    const checkLines = [
      checkSilent(host, settings, server, outcome),
      ...checkOwnCertificate(server, host.now),
    ]
    return { isDown: true, checkLines }
  }
  const version = checkSignatures(server, outcome.reply, host.now)
  // A program that is not clamd gets no scan: it might accept the message and never answer.
  if (version.level === 'error') return { isDown: true, checkLines: [version] }
  // It scans for onescan-queue only while onescand cannot. The check of onescand reports all its faults.
  if (host.asksOnescand) return { isDown: false, checkLines: [ok(what, 'answers')] }
  const conf = clamdConfOf(server, host.clamdConfigFiles)
  // In the way of onescan-queue and onescand: onescand by descriptor, if it can.
  const passing = host.isDaemon ? loadSystem() : undefined
  const tried = new ClamdServer(server, { isLasting: false, passing })
  const temporary = await checkTemporaryFiles(tried, conf)
  const isBlocked = temporary?.level === 'error' // otherwise every test would report it, each with another text
  return {
    isDown: false,
    checkLines: [
      ...signatureLines(host, server, version),
      ...checkOwnCertificate(server, host.now),
      ...(await checkTheirCertificate(server, host.now).catch(() => [])), // the server has answered, so a failure here is not reported
      ...(temporary ? [temporary] : []),
      ...(isBlocked ? [] : await checkClamdLimits(tried, settings, conf)),
      ...checkSwitches(tried, conf),
      ...checkConfLimits(server, conf, settings.timeout),
      ...(isBlocked ? [] : await checkAlerts(tried, settings)),
      ...checkMemory(what, outcome.reply, conf),
      ...(await checkReload(what, server, host)),
    ],
  }
}

/**
 * Returns the check line that the account may not connect, or that the path is another kind of file, or
 * undefined if it may connect, or if the path does not exist.
 */
function checkSocketAccess(host: CheckedHost, server: ClamdAddress): CheckLine | undefined {
  if (server.kind !== 'unix') return undefined
  let barrier: string | undefined
  try {
    barrier = obstacle(host.account, server.path, 'write')
  } catch (error) {
    // In a closed directory, the account cannot even see the socket.
    if (errorCode(error) !== 'EACCES') return undefined
    barrier = dirname(server.path)
  }
  const isOther = attempt(() => statSync(server.path).isSocket()) === false
  if (barrier === undefined && !isOther) return undefined
  const what = `clamd ${server.text}`
  const reason = isOther ? 'is not a socket' : `${accountText(host)} cannot connect`
  const remedy = isOther
    ? inSettingsOf(host, 'set CLAMD to the LocalSocket in clamd.conf')
    : openSocketTo(host, server.path, barrier!)
  if (host.asksOnescand) {
    const value = `${reason}: while onescand cannot answer, mail is ${unscannedMailIs(host.env)}`
    return marked(warning(what, value, remedy), 'only onescand scans')
  }
  const value = `${reason}: mail is ${unscannedMailIs(host.env)}`
  return marked(failure(what, value, remedy), 'clamd is closed')
}

/**
 * Returns the remedy that lets the account connect. A onescan-queue under tcpserver(1) has only one group,
 * which it needs for onescand.
 */
function openSocketTo(
  { account, accounts, isDaemon }: CheckedHost,
  socket: string,
  barrier: string,
) {
  const join = isDaemon ? joinGroup(account, accounts, barrier) : undefined
  if (join !== undefined) return `${join} && systemctl restart onescand`
  if (barrier === socket) return toSetInConf('LocalSocketMode 666')
  const opened = `chmod a+x ${shellWord(barrier)}`
  // Such a directory is made at each boot, with the umask of clamd's unit.
  return /^(\/var)?\/run\//.test(barrier)
    ? `${opened}; if it is closed again after a boot, add UMask=0022 below [Service] of clamd's unit`
    : opened
}

/** Queries a server for its version and its signatures' version, clamd(8). */
export async function askVersion(
  server: ClamdAddress,
  stopped: AbortSignal = new AbortController().signal,
  session?: ClamdSession,
): Promise<ClamdOutcome<string>> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(VERSION_TIMEOUT)])
  if (session) return session.ask(serverCommand('VERSION'), signal)
  return askClamd(server, 'VERSION', signal)
}

/** Milliseconds before the end of a certificate in which it is to be renewed. */
const SOON = 14 * DAY
/** Milliseconds for a handshake. */
const HANDSHAKE_TIMEOUT = 5_000

/** Warns if this host's client certificate for TLS expires soon, or has expired. */
function checkOwnCertificate(server: ClamdAddress, now: number): CheckLine[] {
  if (server.kind !== 'tcp' || !server.identity) return []
  const { validTo } = new X509Certificate(server.identity.cert)
  const remedy = 'renew the file of CLAMDCERT, and reload onescand'
  return checkEnd(server, 'the certificate of this host', validTo, now, remedy)
}

/** Warns if the certificate of a server that answers over TLS ends soon. Rejects if it cannot be reached. */
async function checkTheirCertificate(server: ClamdAddress, now: number): Promise<CheckLine[]> {
  if (server.kind !== 'tcp' || !server.identity) return []
  const connect = await loadConnect(server)
  const socket = connect(server) as TLSSocket
  try {
    await answerInTime(once(socket, 'secureConnect'), HANDSHAKE_TIMEOUT)
    const { valid_to: validTo } = socket.getPeerCertificate()
    const remedy = 'renew it there, and reload onescand there'
    return checkEnd(server, 'its certificate', validTo, now, remedy)
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}

function checkEnd(
  { text }: ClamdAddress,
  whose: string,
  validTo: string,
  now: number,
  remedy: string,
): CheckLine[] {
  const end = Date.parse(validTo)
  if (end - now > SOON) return []
  const day = formatDay(end)
  return [warning(`clamd ${text}`, `${whose} is valid until ${day}`, remedy)]
}

import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../lib/errors/fault.ts'
import { type Finding, failure, marked, ok, warning } from '../lib/errors/finding.ts'
import { byteSize } from '../lib/settings/table/values.ts'
import type { ClamdState } from '../observe/live/process-report.ts'
import { type ClamdAddress, readClamdAddress } from '../scan/scanners/clamd/address.ts'
import { clamdConfOf, databaseIn, valueIn } from '../scan/scanners/clamd/database.ts'
import { tellsOfLimits } from '../scan/scanners/clamd/probe-limits.ts'
import type { ClamdOutcome } from '../scan/scanners/clamd/session.ts'
import { askClamd, scanStream } from '../scan/scanners/clamd/sessions.ts'
import type { ScanSettings } from '../scan/scanners/shared/scan-settings.ts'
import { readSignatureFiles, SETTLED_AFTER } from '../scan/scanners/shared/signatures.ts'
import { joinGroup, obstacle } from './account.ts'
import { checkAlerts } from './clamd-alerts.ts'
import { eicarMessage, eicarZip, largeEicarMessage } from './eicar-message.ts'
import { unscannedMailIs } from './passes-unscanned.ts'
import { checkCount, signaturesIn } from './scanner.ts'
import { accountText, type StageHost, scanSettingsOf } from './stage.ts'

/** Milliseconds for the answer to VERSION, for which clamd has a thread of its own. */
const VERSION_WITHIN = 5_000
/** Milliseconds that clamd may take for a message of CLAMDMAXSIZE bytes. */
const SCAN_WITHIN = 120_000
/** Milliseconds. */
const DAY = 86_400_000
/** Seconds after which clamd looks for signatures, clamd.conf(5), as its makers have it. */
const SELF_CHECK = 600
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
function howToStartClamd(server: ClamdAddress, { env }: StageHost): string {
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
        ? failure(what, hangs, 'see the log of clamd, and restart it')
        : failure(what, outcome.why, howToStartClamd(server, host))
    return { isDown: true, findings: [finding] }
  }
  const version = checkSignatures(what, outcome.reply, host.now)
  // A program that is not clamd gets no scan: it might take the message and never answer.
  if (version.level === 'error') return { isDown: true, findings: [version] }
  // It scans for the slot only while onescand cannot; the check of onescand says all else about it.
  if (host.asksOnescand) return { isDown: false, findings: [ok(what, 'answers')] }
  const conf = clamdConfOf(server, host.env.CLAMDCONF)
  const temporary = await checkTemporaryFiles(server, conf)
  const isBlocked = temporary?.level === 'error' // all trials would say so, each in other words
  return {
    isDown: false,
    findings: [
      ...signatures(host, server, version),
      ...(temporary ? [temporary] : []),
      ...(isBlocked ? [] : await checkClamdLimits(server, settings)),
      ...(isBlocked ? [] : await checkAlerts(server, settings)),
      ...checkMemory(what, outcome.reply, conf),
      ...checkReload(what, server, host),
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
  } catch (error) {
    // Behind a directory that is closed, the account cannot even see the socket.
    if (errorCode(error) !== 'EACCES') return undefined
    barrier = dirname(server.path)
  }
  if (barrier === undefined) return undefined
  const what = `clamd ${server.text}`
  const remedy = openSocketTo(host, server.path, barrier)
  if (host.asksOnescand) {
    const value = `${accountText(host)} cannot connect: while onescand cannot answer, mail is ${unscannedMailIs(host.env)}`
    return marked(warning(what, value, remedy), 'only onescand scans')
  }
  return failure(
    what,
    `${accountText(host)} cannot connect: mail is ${unscannedMailIs(host.env)}`,
    remedy,
  )
}

/**
 * What lets the account connect. A slot below tcpserver(1) has one group alone, which it needs for
 * onescand.
 */
function openSocketTo({ account, accounts, isDaemon }: StageHost, socket: string, barrier: string) {
  const join = isDaemon ? joinGroup(account, accounts, barrier) : undefined
  if (join !== undefined) return `${join}, and restart onescand`
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
    'knows clean files by MD5 and length: of two files that share both, the second is not scanned; ' +
    'from clamd 1.5 on, or with "DisableCache yes", it is'
  return [ok(`${what} memory`, value)]
}

/**
 * Says that clamd may not have loaded a site's own signatures when they count as loaded (SETTLED_AFTER):
 * nothing tells that it has. Debian's clamd.conf has it look once an hour. freshclam tells it at once.
 */
function checkReload(what: string, server: ClamdAddress, { env, now }: StageHost): Finding[] {
  const conf = clamdConfOf(server, env.CLAMDCONF)
  if (conf === undefined) return []
  const seconds = Number(valueIn(conf, 'SelfCheck') ?? SELF_CHECK)
  const files = readSignatureFiles(env.CLAMDBDIR || databaseIn(conf), now)
  if ((seconds > 0 && seconds <= SELF_CHECK) || files?.own === undefined) return []
  const often = seconds > 0 ? `every ${seconds} seconds` : 'never'
  const value = `looks ${often} for new signatures of your own, which count as loaded after ${SETTLED_AFTER}`
  const remedy = `set "SelfCheck ${SELF_CHECK}" in its clamd.conf, and restart clamd`
  return [warning(`${what} SelfCheck`, value, remedy)]
}

/**
 * Judges clamd's answer to VERSION: `ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`, or only the first
 * part if it has no signatures of ClamAV. `now` is in milliseconds.
 */
export function checkSignatures(what: string, version: string, now: number): Finding {
  const [name = version, , date = ''] = version.split('/')
  const { made } = signaturesOf(version)
  if (!name.startsWith('ClamAV')) {
    return failure(
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

/** Asks a server for its version and that of its signatures, clamd(8). */
export async function askVersion(
  server: ClamdAddress,
  stopped: AbortSignal = new AbortController().signal,
): Promise<ClamdOutcome<string>> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(VERSION_WITHIN)])
  return askClamd(server, 'VERSION', signal)
}

/**
 * Reads the answer to VERSION: `ClamAV 1.4.6/27800/Thu Nov 19 09:26:40 2026`. The values are undefined
 * if clamd has no daily database.
 */
export function signaturesOf(answer: string): Pick<ClamdState, 'version' | 'made'> {
  const [, version, date] = /^ClamAV [^/]*\/(\d+)\/(.+)$/.exec(answer) ?? []
  const made = Date.parse(date ?? '')
  return {
    version: version === undefined ? undefined : Number(version),
    made: Number.isNaN(made) ? undefined : made,
  }
}

/** clamd's own, clamd.conf(5). */
const MAX_SCAN_SIZE = 400 * 1024 * 1024
/** What libclamav unpacks at most if MaxScanSize is 0. */
const MAX_SCAN_SIZE_UNLIMITED = 2 * 1024 * 1024 * 1024

/**
 * Checks whether clamd can write what it unpacks: where it cannot, it calls files clean that it has not
 * scanned, and so with parts of mail and of PDFs for which there is no room (measured with 1.4.3).
 */
async function checkTemporaryFiles(
  server: ClamdAddress,
  conf: string | undefined,
): Promise<Finding | undefined> {
  const what = `clamd ${server.text} TemporaryDirectory`
  const directory = conf && (valueIn(conf, 'TemporaryDirectory') ?? '/tmp')
  const named = directory ?? 'the TemporaryDirectory of its clamd.conf (by default /tmp)'
  const stream = { chunks: () => [Buffer.from('\n')] }
  const outcome = await scanStream(server, stream, AbortSignal.timeout(SCAN_WITHIN))
  const isRefused = outcome.kind === 'answered' && outcome.reply.answer === 'unknown'
  if (outcome.kind === 'broken' || isRefused) {
    const value =
      'takes no stream of one byte: it cannot write its temporary files, and mail is deferred'
    return failure(what, value, `let the account of clamd write to ${named}, and make room there`)
  }
  if (directory === undefined) return undefined
  const room = roomIn(directory)
  const most = maxScanSizeIn(conf!)
  if (room === undefined || room >= most) return undefined
  const value = `${directory} has room for ${sizeText(room)}, and a message may unpack to ${sizeText(most)} (MaxScanSize): parts without room get in unscanned`
  return warning(what, value, `make room in ${directory}, or lower MaxScanSize in clamd.conf`)
}

/** Free bytes for other accounts than root; undefined if that cannot be asked from here. */
function roomIn(directory: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return undefined
  }
}

function maxScanSizeIn(conf: string): number {
  try {
    const size = byteSize(valueIn(conf, 'MaxScanSize'), 'MaxScanSize', MAX_SCAN_SIZE)
    return size === 0 ? MAX_SCAN_SIZE_UNLIMITED : size
  } catch {
    return MAX_SCAN_SIZE // clamd would not start with it
  }
}

/**
 * Checks whether clamd looks at all of a message: without AlertExceedsMax it says OK about mail over
 * its limits. Trials show this, since clamd.conf may lie anywhere.
 */
async function checkClamdLimits(server: ClamdAddress, settings: ScanSettings): Promise<Finding[]> {
  const archives = await checkArchives(server)
  if (await isClean(server, eicarMessage)) {
    const value = 'is off: clamd opens no mail, so its limits cannot be tried'
    const remedy = 'set "ScanMail yes" in its clamd.conf, and restart clamd'
    return [...archives, warning(`clamd ${server.text} ScanMail`, value, remedy)]
  }
  return [...archives, await checkLargeMail(server, settings), await checkAlert(server)]
}

/** Checks whether clamd looks into archives, which onescan leaves to it. */
async function checkArchives(server: ClamdAddress): Promise<Finding[]> {
  if (!(await isClean(server, eicarZip))) return []
  const value = 'is off: viruses in archives get in, marked as clean'
  const remedy = 'set "ScanArchive yes" in its clamd.conf, and restart clamd'
  return [failure(`clamd ${server.text} ScanArchive`, value, remedy)]
}

/** Whether clamd calls this clean. */
async function isClean(server: ClamdAddress, content: Buffer): Promise<boolean> {
  const outcome = await scanStream(
    server,
    { chunks: () => [content] },
    AbortSignal.timeout(SCAN_WITHIN),
  )
  return outcome.kind === 'answered' && outcome.reply.answer === 'clean'
}

/** Mail of more bytes than this is rare: a limit below it lets ordinary attachments pass unscanned. */
const ORDINARY = 10 * 1024 * 1024
/** Mail of fewer bytes is not tried: a clamd that takes no more of it is of no use. */
const LEAST = 64 * 1024

/** Checks whether clamd finds the test virus in the largest message that it will get. */
async function checkLargeMail(
  server: ClamdAddress,
  { CLAMDMAXSIZE }: ScanSettings,
): Promise<Finding> {
  const what = `clamd ${server.text} large mail`
  const size = `${CLAMDMAXSIZE} bytes (CLAMDMAXSIZE)`
  const outcome = await scanLarge(server, CLAMDMAXSIZE)
  if (outcome.kind !== 'answered') {
    const remedy = 'lower CLAMDMAXSIZE, or raise StreamMaxLength in clamd.conf'
    return warning(what, `${outcome.why} with ${size}`, remedy)
  }
  const { reply: found } = outcome
  if (found.answer === 'infected') return ok(what, `looks at messages of ${size}`)
  if (found.answer === 'unknown') {
    return warning(what, `${found.why} for ${size}`, 'see the log of clamd')
  }
  const most = await largestLookedAt(server, CLAMDMAXSIZE)
  const limits = 'StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf'
  const remedy = `set CLAMDMAXSIZE=${sizeText(most)}, or raise ${limits}`
  if (found.answer === 'clean') {
    const value = `calls EICAR in ${size} clean: from about ${sizeText(most)} on mail gets in unscanned, marked as clean`
    return failure(what, value, remedy)
  }
  const many = most > LEAST ? `${sizeText(most)} and no more` : `less than ${sizeText(LEAST)}`
  const value = `looks at files of ${many}: larger ones are not scanned (OVERSIZE)`
  return most < ORDINARY ? failure(what, value, `raise ${limits}`) : warning(what, value, remedy)
}

const scanLarge = (server: ClamdAddress, size: number) =>
  scanStream(server, { chunks: () => largeEicarMessage(size) }, AbortSignal.timeout(SCAN_WITHIN))

/** The most bytes, nearly, of which clamd reads all. `over` are too many. */
async function largestLookedAt(server: ClamdAddress, over: number): Promise<number> {
  let [least, most] = [LEAST, over]
  while (most - least > Math.max(least / 16, LEAST)) {
    const size = least * 2 < most ? least * 2 : Math.floor((least + most) / 2)
    const outcome = await scanLarge(server, size)
    const isRead = outcome.kind === 'answered' && outcome.reply.answer === 'infected'
    if (isRead) least = size
    else most = size
  }
  return least
}

/** As CLAMDMAXSIZE takes it: `24M`, `312K`. */
const sizeText = (bytes: number) =>
  bytes < 1024 * 1024 ? `${Math.floor(bytes / 1024)}K` : `${Math.floor(bytes / 1024 / 1024)}M`

/**
 * Checks whether clamd reports mail that it does not read to the end. Where it could not be tried, the
 * finding is a warning.
 */
export async function checkAlert(
  server: ClamdAddress,
  signal: AbortSignal = AbortSignal.timeout(SCAN_WITHIN),
): Promise<Finding> {
  const what = `clamd ${server.text} AlertExceedsMax`
  const remedy = 'set "AlertExceedsMax yes" in its clamd.conf, and restart clamd'
  const answer = await tellsOfLimits(server, signal)
  switch (answer.tells) {
    case 'yes':
      return ok(what, 'is on: clamd reports mail that it does not read to the end')
    case 'no':
      return failure(
        what,
        'is off: viruses deep in mail or archives get in, marked as clean',
        remedy,
      )
    case 'unknown':
      return warning(what, `could not be tried: ${answer.why}`, remedy)
  }
}

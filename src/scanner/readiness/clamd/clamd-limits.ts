import { type CheckLine, failure, ok, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { roomIn } from '../../../base/path/room.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { byteSize } from '../../../base/text/values.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import { limits as readingLimits } from '../../../mail/mime/index.ts'
import {
  clamdConfOf,
  databaseIn,
  isOffIn,
  toSetInConf,
  valueIn,
} from '../../scan/scanners/clamd/clamd-conf.ts'
import type { ClamdServer } from '../../scan/scanners/clamd/clamd-server.ts'
import { isSecure } from '../../scan/scanners/clamd/connect.ts'
import type { ScanSettings } from '../../scan/scanners/contract/scan-settings.ts'
import { EICAR } from '../../scan/scanners/eicar/eicar.ts'
import { eicarMessage, eicarZip, largeEicarMessage } from '../test-mail/eicar-message.ts'
import { SIZE_LIMITS } from './agreeing-limits.ts'
import { exceptionOfEicar, lacksSignatures } from './clamd-signatures.ts'
import { levelsOpened, probeLimitReports } from './limit-probes.ts'

/** Milliseconds that clamd may take for a message of CLAMDMAXSIZE bytes. */
const SCAN_TIMEOUT = 120_000

/** The limit of libclamav for unpacked data if MaxScanSize is 0. */
const MAX_SCAN_SIZE_UNLIMITED = 2 * 1024 * 1024 * 1024

/**
 * Checks whether clamd can write unpacked data. If it cannot, it reports files as clean without a scan. The
 * same happens to parts of mail and of PDFs for which there is no room (measured with 1.4.3).
 */
export async function checkTemporaryFiles(
  server: ClamdServer,
  conf: string | undefined,
): Promise<CheckLine | undefined> {
  const what = `clamd ${server.address.text} TemporaryDirectory`
  const directory = conf && (valueIn(conf, 'TemporaryDirectory') ?? '/tmp')
  const named = directory ?? 'the TemporaryDirectory of its clamd.conf (by default /tmp)'
  const outcome = await scan(server, Bytes.of(Buffer.from('\n')))
  const isRefused = outcome.kind === 'answered' && outcome.reply.answer === 'unknown'
  if (outcome.kind === 'broken' || isRefused) {
    const value =
      'rejects even a one-byte stream: it cannot write its temporary files, so mail is deferred'
    return failure(what, value, `let clamd's account write to ${named}, and free space there`)
  }
  if (conf === undefined || directory === undefined) return undefined
  const room = attempt(() => roomIn(directory).free) // undefined if this process may not see it
  const most = maxScanSizeIn(conf)
  if (room === undefined || room >= most) return undefined
  const value = `${directory} has room for ${sizeText(room)}, and a message may unpack to ${sizeText(most)} (MaxScanSize): parts that do not fit are accepted unscanned`
  return warning(what, value, `free space in ${directory}, or lower MaxScanSize in clamd.conf`)
}

function maxScanSizeIn(conf: string): number {
  const { MaxScanSize: own } = SIZE_LIMITS
  // With an invalid one clamd does not start.
  const size = attempt(() => byteSize(valueIn(conf, 'MaxScanSize'), 'MaxScanSize', own)) ?? own
  return size === 0 ? MAX_SCAN_SIZE_UNLIMITED : size
}

/**
 * Checks whether clamd scans a whole message: without AlertExceedsMax it answers OK for mail over its limits.
 * Test messages show this, because clamd.conf may be at any path.
 */
export async function checkClamdLimits(
  server: ClamdServer,
  settings: ScanSettings,
  conf?: string,
): Promise<CheckLine[]> {
  const canary = await checkCanary(server, undefined, conf)
  if (canary?.level === 'error') return [canary]
  const archives = await checkArchives(server, conf)
  if (await isClean(server, eicarMessage)) {
    const value = 'clamd does not unpack mail, so its limits cannot be tested'
    return [...archives, notUnpacked(server, { name: 'ScanMail', conf }, warning, value)]
  }
  const alert = await checkAlert(server)
  const depth = await checkDepth(server)
  return [...archives, await checkLargeMail(server, settings), alert, ...(depth ? [depth] : [])]
}

/**
 * Checks whether clamd finds the EICAR test virus: otherwise its clean answers are not used
 * (scan/scanners/clamd/canary.ts). Undefined if it does not answer. `known` is the text of its clamd.conf, if the caller has it.
 */
export async function checkCanary(
  server: ClamdServer,
  signal: AbortSignal = AbortSignal.timeout(SCAN_TIMEOUT),
  known?: string,
): Promise<CheckLine | undefined> {
  const what = `clamd ${server.address.text} EICAR`
  const outcome = await scan(server, Bytes.of(Buffer.from(EICAR)), signal)
  if (outcome.kind !== 'answered') return undefined
  const { reply } = outcome
  if (reply.answer === 'infected') return ok(what, 'is found')
  const answer = reply.answer === 'clean' ? 'is reported as clean' : reply.reason
  const meanwhile = 'this server is not used, and onescand defers mail that no other one scans'
  const value = `${answer}: ${meanwhile}`
  if (/size limit/i.test(answer)) {
    const remedy =
      'raise StreamMaxLength, MaxScanSize and MaxFileSize in its clamd.conf (25 means bytes, 25M megabytes), and restart clamd'
    return failure(what, value, remedy)
  }
  const conf = known ?? clamdConfOf(server.address)
  const exception = conf && exceptionOfEicar(databaseIn(conf))
  if (exception) {
    const file = shellWord(exception)
    const remedy = `remove the lines about EICAR from ${file}, and restart clamd`
    return failure(what, `${answer}, since ${file} makes clamd ignore it: ${meanwhile}`, remedy)
  }
  return isSecure(server.address)
    ? failure(what, value, 'run onescan enable on that host')
    : lacksSignatures(failure, what, value, server.address)
}

/** Checks whether clamd opens archives, which onescan leaves to it. */
async function checkArchives(server: ClamdServer, conf: string | undefined): Promise<CheckLine[]> {
  if (!(await isClean(server, eicarZip))) return []
  const value = 'viruses in archives are delivered as clean'
  return [notUnpacked(server, { name: 'ScanArchive', conf }, failure, value)]
}

/**
 * Returns the check line about a clamd that answers OK for a file with EICAR in it: its switch of this name is off, unless
 * its clamd.conf, if that is known, shows that it is on. Then it could not unpack the file now.
 */
function notUnpacked(
  server: ClamdServer,
  { name, conf }: { readonly name: string; readonly conf: string | undefined },
  level: typeof warning,
  effect: string,
): CheckLine {
  const what = `clamd ${server.address.text} ${name}`
  if (conf === undefined || isOffIn(conf, name))
    return level(what, `is off: ${effect}`, toSetInConf(`${name} yes`))
  const value = `is on, but clamd answers OK for such a file with EICAR in it: ${effect}`
  const remedy =
    'free space in the TemporaryDirectory of its clamd.conf (by default /tmp), then restart clamd'
  return level(what, value, remedy)
}

/**
 * The switches of clamd.conf(5) that are on by default, and what is delivered as clean without them. Those of mail and
 * archives are tested with files.
 */
const switches: Readonly<Record<string, string>> = {
  ScanPE: 'viruses in Windows programs',
  ScanELF: 'viruses in Linux programs',
  ScanOLE2: 'viruses in Office documents',
  ScanXMLDOCS: 'viruses in documents of XML formats',
  ScanHWP3: 'viruses in Hangul documents',
  ScanOneNote: 'viruses in OneNote documents',
  ScanPDF: 'viruses in PDF files',
  ScanSWF: 'viruses in Flash files',
  ScanHTML: 'viruses in HTML',
  ScanImage: 'exploits in images',
  HeuristicAlerts: 'files that it finds without a signature',
  PhishingSignatures: 'phishing messages for which it has signatures',
  Bytecode: 'files that only its bytecode signatures find',
}

/** Returns a warning for each switch that is off in the clamd.conf of a server. */
export function checkSwitches(server: ClamdServer, conf: string | undefined): CheckLine[] {
  if (conf === undefined) return []
  return Object.entries(switches).flatMap(([name, finds]) => {
    if (!isOffIn(conf, name)) return []
    const value = `is off: ${finds} are delivered as clean`
    return [warning(`clamd ${server.address.text} ${name}`, value, toSetInConf(`${name} yes`))]
  })
}

/** Resolves to whether clamd reports this as clean. */
async function isClean(server: ClamdServer, content: Buffer): Promise<boolean> {
  const outcome = await scan(server, Bytes.of(content))
  return outcome.kind === 'answered' && outcome.reply.answer === 'clean'
}

/** Mail of more bytes than this is rare: a limit below it lets ordinary attachments pass unscanned. */
const ORDINARY = 10 * 1024 * 1024

/** Mail of fewer bytes is not tested: a clamd with such a limit is useless. */
const TESTED_MIN = 64 * 1024

/** Checks whether clamd finds the test virus in the largest message that it will get. */
async function checkLargeMail(
  server: ClamdServer,
  { CLAMDMAXSIZE }: ScanSettings,
): Promise<CheckLine> {
  const what = `clamd ${server.address.text} large mail`
  const size = `${CLAMDMAXSIZE} bytes (CLAMDMAXSIZE)`
  const outcome = await scanLarge(server, CLAMDMAXSIZE)
  if (outcome.kind !== 'answered') {
    const remedy = 'lower CLAMDMAXSIZE, or raise StreamMaxLength in clamd.conf'
    return warning(what, `${outcome.reason} with ${size}`, remedy)
  }
  const { reply: found } = outcome
  if (found.answer === 'infected') return ok(what, `scans messages of ${size}`)
  if (found.answer === 'unknown') {
    return warning(what, `${found.reason} for ${size}`, "read clamd's log")
  }
  if (found.answer === 'unread' && found.kind !== 'size' && found.kind !== 'unpacked') {
    const value = `does not scan all of ${size}: ${found.reason}`
    return failure(what, value, 'raise this limit in clamd.conf')
  }
  const most = await largestLookedAt(server, CLAMDMAXSIZE)
  const limits = 'StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf'
  const remedy = `set CLAMDMAXSIZE=${sizeText(most)}, or raise ${limits}`
  if (found.answer === 'clean') {
    const value = `misses EICAR in ${size}: mail over about ${sizeText(most)} is delivered as clean`
    return failure(what, value, remedy)
  }
  const many = most > TESTED_MIN ? `up to ${sizeText(most)}` : `less than ${sizeText(TESTED_MIN)}`
  const value = `scans files of ${many}; OVERSIZE defers or accepts larger mail`
  // Debian's clamd.conf has such a limit, and the pages describe it.
  return most < ORDINARY
    ? failure(what, value, `raise ${limits}`)
    : ok(what, `${value}; to scan it, raise ${limits}`)
}

const scanLarge = (server: ClamdServer, size: number) => scan(server, largeEicarMessage(size))

const scan = (
  server: ClamdServer,
  bytes: Bytes,
  signal: AbortSignal = AbortSignal.timeout(SCAN_TIMEOUT),
) => server.scan([{ bytes }], { signal, note() {} })

/**
 * Resolves to the approximate upper limit, in bytes, of mail that clamd reads completely. `over` exceeds it.
 */
async function largestLookedAt(server: ClamdServer, over: number): Promise<number> {
  let [least, most] = [TESTED_MIN, over]
  while (most - least > Math.max(least / 16, TESTED_MIN)) {
    const size = least * 2 < most ? least * 2 : Math.floor((least + most) / 2)
    const outcome = await scanLarge(server, size)
    const isRead = outcome.kind === 'answered' && outcome.reply.answer === 'infected'
    if (isRead) least = size
    else most = size
  }
  return least
}

/** Returns a size in the form of CLAMDMAXSIZE: `24M`, `312K`. */
const sizeText = (bytes: number) =>
  bytes < 1024 * 1024 ? `${Math.floor(bytes / 1024)}K` : `${Math.floor(bytes / 1024 / 1024)}M`

/**
 * Checks whether clamd reports mail that it does not read to the end. Where it could not be tried, the
 * check line is a warning.
 */
export async function checkAlert(
  server: ClamdServer,
  signal: AbortSignal = AbortSignal.timeout(SCAN_TIMEOUT),
): Promise<CheckLine> {
  const what = `clamd ${server.address.text} AlertExceedsMax`
  const remedy = toSetInConf('AlertExceedsMax yes')
  const answer = await probeLimitReports(server, signal)
  switch (answer.kind) {
    case 'yes':
      return ok(what, 'is on: clamd reports mail that it does not fully scan')
    case 'no':
      return failure(
        what,
        'is off: viruses deep in mail or archives are delivered as clean',
        remedy,
      )
    case 'unknown':
      return warning(what, `could not be tested: ${answer.reason}`, remedy)
  }
}

/**
 * Checks whether clamd opens as many levels as onescan itself. onescan scans each part of mail separately, so a
 * lower limit matters for archives alone. Undefined if it could not be tried.
 */
export async function checkDepth(
  server: ClamdServer,
  signal: AbortSignal = AbortSignal.timeout(SCAN_TIMEOUT),
): Promise<CheckLine | undefined> {
  const what = `clamd ${server.address.text} MaxRecursion`
  const levels = await levelsOpened(server, readingLimits.nesting, signal)
  if (levels === undefined) return undefined
  const most = levels - 1
  if (levels === readingLimits.nesting) return ok(what, `is ${most} or more`)
  const archives = `${most - 1} nested ${most === 2 ? 'archive' : 'archives'}`
  return warning(
    what,
    `is ${most}: clamd scans files in at most ${archives}`,
    toSetInConf('MaxRecursion 17'),
  )
}

import { type CheckLine, failure, ok, warning } from '../../../../base/check/check-line.ts'
import { isCompiled } from '../../../../base/runtime/compiled-program.ts'
import { SLOT_SOCKET } from '../../../../base/settings/table.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { DEFAULTS } from '../../../configuration/settings-of-onescand.ts'
import { exitMeanings } from '../../../doors/slot/exit-codes.ts'
import { handToSlot, type SlotResult } from '../../../doors/slot/hand-to-slot.ts'
import { TEST_NEXT_PROGRAM } from '../../../doors/slot/test-next-program.ts'
import { accountText, scanSettingsOf } from '../../../readiness/host/checked-host.ts'
import { cleanMessage, eicarMessage } from '../../../readiness/test-mail/eicar-message.ts'
import type { MemoryLimits } from '../../host/running-services.ts'
import { howToStart } from '../services/service-state.ts'
import type { Host } from './slot-hosts.ts'
import { slotProgramOf } from './slot-program.ts'

/** Milliseconds beyond SCANTIMEOUT that the program may take for a small message. */
const TIMEOUT = 30_000
/** A path at which no onescand listens. */
const NOWHERE = '/nonexistent/qmail.sock'

/**
 * Sends messages through the qmail-queue program like its service, with that account, limits and environment.
 * The next program only prints its input, so nothing is delivered. This also finds a damaged program that
 * exits with 0 without executing the next program, and a runtime that does not start. A program of another
 * origin receives no message, because it may queue it. `triesStandalone`: whether a program that uses onescand gets
 * one more message, without onescand.
 */
export async function checkTestMessages(host: Host, triesStandalone = true): Promise<CheckLine[]> {
  const settings = scanSettingsOf(host)
  if (settings === undefined || slotProgramOf(host).kind !== 'own') return []
  const timeout = settings.timeout + TIMEOUT
  const clean = await send(host, cleanMessage, timeout)
  const checkLines = [...judgeWarmth(host, clean), judgeClean(host, clean)]
  if (clean.header === undefined) return checkLines
  checkLines.push(judgeEicar(host, await send(host, eicarMessage, timeout)))
  if (!triesStandalone || !host.asksOnescand || clean.whyStandalone !== undefined) return checkLines
  const alone = { ...host, env: { ...host.env, ONESCAN_SOCKET: NOWHERE } }
  return [...checkLines, ...judgeStandalone(host, await send(alone, cleanMessage, timeout))]
}

interface SlotTest {
  readonly outcome: SlotResult
  /** The header that the next program received, or undefined if it received nothing. */
  readonly header: string | undefined
  /** The reason in the log line, in parentheses, or ''. */
  readonly reason: string
  /** Why onescanc scanned without onescand, by its own log line, or undefined if it used onescand. */
  readonly whyStandalone: string | undefined
}

/** Returns the check line whether onescanc, under the account of qmail-smtpd, reaches onescand. */
function judgeWarmth(host: Host, test: SlotTest): CheckLine[] {
  const what = 'onescand'
  const { header, whyStandalone } = test
  if (whyStandalone === undefined) {
    if (!host.asksOnescand || header === undefined) return []
    return [ok(what, `accepts connections at ${socketOf(host)} from ${accountText(host)}`)]
  }
  const [, setting] =
    /^onescand: (\w+) (?:differs|is more lenient|is longer|names) /.exec(whyStandalone) ?? []
  const toServe = setting ? settingRemedy(setting) : howToStart('onescand')
  const remedy = isBarred(test) ? groupRemedy(host) : toServe
  const meanwhile =
    header === undefined ? '' : ': mail is scanned by a program started for each message'
  const why = whyStandalone.replace(/^onescand: /, '')
  return [warning(what, `${why} (${accountText(host)})${meanwhile}`, remedy)]
}

const socketOf = ({ env }: Host) => env.ONESCAN_SOCKET || SLOT_SOCKET

/** Returns whether that account may not connect to onescand. */
const isBarred = ({ reason, whyStandalone = reason }: SlotTest) =>
  /onescand at \S+: Permission denied/.test(whyStandalone)

const groupRemedy = (host: Host) =>
  `give the service the group of ${socketOf(host)}: tcpserver -g "$(id -g onescan)" or, if it needs another group, such as vchkpw, setpriv --reuid=USER --regid=GROUP --groups=onescan before qmail-smtpd, instead of -u and -g, or instead of setuidgid`

const settingRemedy = (setting: string) =>
  `remove ${setting} from the rules of the service, or set the same value in ${DEFAULTS}`

function judgeClean(host: Host, test: SlotTest): CheckLine {
  const what = 'qmail, clean message'
  const { outcome, header, reason } = test
  if (outcome.code !== 0 || header === undefined) return failed(what, host, test)
  if (/^X-QHPSI: clean$/m.test(header)) {
    return ok(what, `scanned and passed on in ${formatDuration(outcome.time)}`)
  }
  if (/^X-QHPSI:/m.test(header)) {
    return failure(
      what,
      'is reported as infected',
      'remove the scanner or signature that reports all mail as infected',
    )
  }
  return warning(
    what,
    `is accepted unscanned${reason}`,
    'the reason in parentheses shows which: correct QHPSIMINSIZE or SCANFAIL, or run onescan enable',
  )
}

function judgeEicar(host: Host, test: SlotTest): CheckLine {
  const what = 'qmail, EICAR'
  const { outcome, header, reason } = test
  if (outcome.code !== 0 || header === undefined) return failed(what, host, test)
  if (/^X-QHPSI: virus found$/m.test(header)) return ok(what, 'is found')
  return failure(what, `is accepted as clean${reason}, so viruses are delivered`, ERRORS_ABOVE)
}

/** Returns the check line whether mail is also scanned while onescand does not answer. */
function judgeStandalone(host: Host, test: SlotTest): CheckLine[] {
  if (test.outcome.code === 0 && test.header !== undefined) return []
  const { what, value, remedy = '' } = failed('qmail, without onescand', host, test)
  return [warning(what, `${value} while onescand cannot answer`, remedy)]
}

const ERRORS_ABOVE = 'correct the errors above, and run onescan check again'
const REASON = 'correct the reason in parentheses, and run onescan check again'

function failed(what: string, host: Host, test: SlotTest): CheckLine {
  const { outcome, reason } = test
  const { as = Number.POSITIVE_INFINITY, data = Number.POSITIVE_INFINITY } = host.limits
  const least = Math.min(as, data)
  const value = `${endText(outcome)}${reason || meaningText(outcome)}`
  if (outcome.code === 0) return failure(what, value, 'reinstall onescan')
  if (least >= START_MEMORY) {
    return failure(what, `${value}: mail is deferred`, reason ? REASON : ERRORS_ABOVE)
  }
  const remedy = isBarred(test) ? `${MORE_MEMORY}, and ${groupRemedy(host)}` : MORE_MEMORY
  const limited = `${value}, with a limit of ${least} bytes of memory: mail is deferred`
  return failure(what, limited, remedy)
}

function endText({ code, signal, hasTimedOut }: SlotResult): string {
  if (hasTimedOut) return 'no answer in time'
  if (signal !== null) return `crashes (${signal})`
  if (code === 0) return 'exits 0 without passing the message on: mail would be lost'
  return `exits ${code}`
}

/** The usual meaning of a code, for a program that logged no reason. */
function meaningText({ code }: SlotResult): string {
  const meaning = code === null || code === 0 ? undefined : exitMeanings[code]
  return meaning === undefined ? '' : ` (${meaning[0]!.toLowerCase()}${meaning.slice(1, -1)})`
}

/** The bytes of memory with which the runtime surely starts. */
const START_MEMORY = isCompiled ? 1024 ** 3 : 4_000_000_000
/**
 * The remedy, which is the same for both runtimes, and in all documentation. -m would also set the stack, of which Node
 * makes one for each thread.
 */
const MORE_MEMORY = 'use "softlimit -a 4000000000" in the run script, without -m'

/** The command under soft limits, by prlimit(1) of util-linux. */
function underLimits(limits: MemoryLimits, command: readonly string[]): string[] {
  const args = Object.entries(limits).map(([name, bytes]) => `--${name}=${bytes}:`)
  return args.length === 0 ? [...command] : ['/usr/bin/prlimit', ...args, '--', ...command]
}

/** Sends a message. Infected mail is tagged and not refused, so that the header shows the answer. */
async function send(host: Host, message: Buffer, timeout: number): Promise<SlotTest> {
  const outcome = await handToSlot({
    program: underLimits(host.limits, [host.program]),
    message: [message],
    envelope: Buffer.from('Fpostmaster@localhost\0Tpostmaster@localhost\0\0'),
    environment: {
      PROTO: 'TCP', // as tcpserver(1) sets it: standard error is the log
      ...host.env,
      QUEUECHAIN: TEST_NEXT_PROGRAM,
      REJECTVIRUS: '0',
      VIRUSFORWARD: undefined,
      ERROR_FD: undefined,
      LOGFILE: undefined,
    },
    timeout,
  })
  const lines = outcome.log.split(/^(?=onescan:)/m)
  const isStandalone = (line: string) => /^onescan: decision=standalone /.test(line)
  const standalone = lines.find(isStandalone)
  const reason = reasonIn(lines.filter((line) => !isStandalone(line)).join(''))
  return {
    outcome,
    header: outcome.header?.split('\n\n')[0],
    reason: reason && ` (${reason})`,
    whyStandalone: standalone && reasonIn(standalone),
  }
}

/** The reason in the slot's log line. Without such a line: the end of the output. */
function reasonIn(log: string): string {
  const [, quoted, plain] = /^onescan:.* reason=(?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(log) ?? []
  return quoted ?? plain ?? log.trim().slice(-300)
}

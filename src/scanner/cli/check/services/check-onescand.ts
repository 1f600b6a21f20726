import {
  type CheckLine,
  failure,
  following,
  hasMark,
  marked,
  ok,
  settingsFault,
  warning,
} from '../../../../base/check/check-line.ts'
import { everyFault } from '../../../../base/settings/faults.ts'
import { readSettings } from '../../../../base/settings/read-settings.ts'
import { namesScanners } from '../../../../base/settings/table/scanners.ts'
import { isSetting, mailSettings, SLOT_SOCKET } from '../../../../base/settings/table.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { DEFAULTS, settingsOfOnescand } from '../../../configuration/settings-of-onescand.ts'
import { askForDescription } from '../../../protocol/slot/daemon-description.ts'
import { ServiceRun } from '../../../protocol/slot/service-run.ts'
import { howToCorrect } from '../../../readiness/check-settings.ts'
import {
  type Accounts,
  findAccount,
  groupName,
  nameOrNumber,
  readAccounts,
} from '../../../readiness/host/account.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { NOTHING_SCANS } from '../../../scan/judge/context/judge-config.ts'
import { checkJournal } from '../../host/check-journal.ts'
import { ACCOUNT, type RunningDaemon, type RunningDescription } from '../../host/running-daemon.ts'
import { faultsOfOptions } from '../../host/settings-file.ts'
import { askSystemd, journalOf, journalOfStart } from '../../host/systemd-unit.ts'
import { accountReport, asReportedBy, TEST_OF_SERVICE } from '../../root/account-report.ts'
import { invokingUser } from '../../root/run-as.ts'
import { checkSyslog } from './check-syslog.ts'
import type { LostSocket } from './lost-sockets.ts'
import { CLAMDS } from './other-clamd.ts'
import {
  AS_ROOT,
  changedSince,
  checkAccount,
  checkState,
  howToReadLog,
  howToReload,
  howToStart,
  isAtRest,
} from './service-state.ts'
import { FRESHCLAM } from './signature-service.ts'
import { checkStartsAtBoot, startCommand } from './starts-at-boot.ts'
import { lineThatSets } from './unit-lines.ts'

/**
 * Checks onescand: its state in systemd or supervise, and its own report from inside its unit. `isNeeded`:
 * nothing scans without it. `lost` are the sockets at which it cannot be reached. `selfTestOf` requests
 * the self-test, unless the caller has its result.
 */
export async function* checkOnescand(
  running: RunningDaemon | undefined,
  isNeeded: boolean,
  lost: ReadonlyMap<string, LostSocket>,
  selfTestOf: typeof requestSelfTest = requestSelfTest,
): AsyncGenerator<CheckLine> {
  const gone = checkAccount('onescand', running !== undefined)
  if (gone.length > 0) return yield* gone
  const { description } = running ?? {}
  // Its report about itself is not verified.
  const reported = (checkLine: CheckLine) => asReportedBy(ACCOUNT, checkLine)
  const changes =
    description === undefined
      ? []
      : [
          ...changedSince('onescand', description.since),
          ...checkFiles(description, `onescand ${description.pid}`),
        ]
  const report = await reportOf(running, lost, isNeeded)
  const isFault = (checkLine: CheckLine) => hasMark(checkLine, 'stops a restart')
  // First, since the remedies after them depend on them.
  const isNext = running === undefined ? isAtRest('onescand') : changes.some(isOfFile)
  if (isNext) yield* await faultsOfNextStart(running !== undefined)
  yield* report.filter(isFault)
  const taken = [...lost.values()].filter(({ isExpected }) => isExpected)
  // The process that listens there answers in its place.
  if (running !== undefined || !lost.get(SLOT_SOCKET)?.isExpected)
    yield* checkState('onescand', running !== undefined, isNeeded)
  yield* taken.map(({ what, reason, remedy }) => failure(what, reason, remedy))
  if (running === undefined) return
  const unwritten = running.description?.settings.LOGFILE
    ? undefined
    : (checkJournal() ?? checkSyslog())
  if (unwritten !== undefined) yield unwritten
  const found = checkRunning(running, readAccounts())
  yield* description ? found.map(reported) : found
  if (description === undefined) return
  yield* report.filter((checkLine) => !isFault(checkLine))
  // To reload files with an error, or to restart with them, corrects nothing.
  yield* changes.map((change) => following(reported(change), 'unreadable settings'))
  const isNew = isNotOf(lost)
  const selfTest = await selfTestOf(running)
  const others = selfTest && {
    doors: selfTest.doors.filter(isNew),
    wrong: selfTest.wrong.filter(({ what }) => isNew(what)),
  }
  yield* checkSelfTest(description, others).map(reported)
  yield* checkClamdUnit(report)
  yield* checkBoot(description)
}

const isOfFile = ({ value }: CheckLine) => value.startsWith(DEFAULTS)

/** Returns whether a check line is not about a socket at which onescand cannot be reached: its unit may not see the place of one that was moved. */
const isNotOf =
  (lost: ReadonlyMap<string, LostSocket>) =>
  (what: string): boolean =>
    [...lost.values()].every((socket) => socket.what !== what)

/** Resolves to the report of a running onescand, from inside its unit, or to none if it does not show its settings. */
async function reportOf(
  running: RunningDaemon | undefined,
  lost: ReadonlyMap<string, LostSocket>,
  isNeeded: boolean,
): Promise<CheckLine[]> {
  if (running?.description === undefined) return []
  const check = {
    program: 'onescand',
    args: ['--check', '--json'],
    caller: invokingUser(),
  } as const
  const whole = await accountReport(new ServiceRun(running.socket, check), ACCOUNT, TEST_OF_SERVICE)
  const isNew = isNotOf(lost)
  return whole
    .filter(({ what }) => isNew(what))
    .map((checkLine) => {
      const judged = isNeeded ? checkLine : adjustedForSlots(checkLine)
      const named = { ...judged, what: `${judged.what} [onescand]` }
      return hasMark(named, 'unreadable settings') ? marked(named, 'stops a restart') : named
    })
}

/** Resolves to the faults of the settings in root's file, with which onescand would not start. */
async function faultsOfNextStart(isRunning: boolean): Promise<CheckLine[]> {
  const faults = await everyFault(settingsOfOnescand(), (env) => readSettings(env, mailSettings))
  const effect = isRunning
    ? 'onescand runs with those of its start, and would not start again'
    : 'onescand would not start'
  return [...faults, ...faultsOfOptions()].map((fault) => {
    const { what, value } = settingsFault(fault)
    const remedy = howToCorrect({ isDaemon: true }, value)
    const stopped = failure(what, `${value}: ${effect}`, remedy)
    return marked(stopped, 'unreadable settings', 'stops a restart')
  })
}

/** The sockets of the package: systemd listens there for those that are enabled. */
const SOCKETS = ['postfix', 'milter', 'clamd', 'http', 'policy'].map((of) => `onescan-${of}.socket`)

/** Returns warnings about what runs on this host for onescand, and does not start when the host boots. */
function checkBoot({ settings }: RunningDescription): CheckLine[] {
  const { QHPSI = '', CLAMD = '/' } = settings
  const isClamdHere = /^plugin:.*\bclamd\b/.test(QHPSI) && CLAMD.includes('/')
  return [
    ...SOCKETS.flatMap((socket) => checkStartsAtBoot([socket], 'no client reaches onescand there')),
    ...(isClamdHere ? checkStartsAtBoot(CLAMDS, 'mail cannot be scanned') : []),
    ...(isClamdHere ? checkStartsAtBoot(FRESHCLAM, 'signatures become outdated') : []),
  ]
}

/**
 * Adjusts the check line about infected mail: tcp.smtp may set this for each onescan-queue, whose own check
 * warns about the rest.
 */
function adjustedForSlots(checkLine: CheckLine): CheckLine {
  if (!hasMark(checkLine, 'infected mail by default')) return checkLine
  return ok(checkLine.what, `${checkLine.value}, unless tcp.smtp sets something else`)
}

/**
 * Returns check lines about a running onescand by its own report: its start time, its settings, and what has
 * changed since.
 */
function checkRunning(running: RunningDaemon, accounts: Accounts): CheckLine[] {
  const { description } = running
  if (description === undefined) return [hidesSettings(running, accounts)]
  const what = `onescand ${description.pid}`
  const list = settingsInWords(description)
  return [
    ok(what, `has been ${runsInWords(description, accounts)}`),
    namesScanners(description.settings.QHPSI)
      ? ok(what, `has ${list}`)
      : marked(
          failure(
            what,
            `scans nothing: ${NOTHING_SCANS} (${list})`,
            inSettingsOf({ isDaemon: true }, 'set QHPSI="plugin: clamd"'),
          ),
          'nothing scans',
        ),
    ...checkGroups(description, what, accounts),
  ]
}

/** Returns the check line about an onescand that does not show its settings. */
function hidesSettings({ socket, stranger }: RunningDaemon, accounts: Accounts): CheckLine {
  if (process.getuid!() !== 0)
    return warning('onescand', `shows its state at ${socket} only to root`, AS_ROOT)
  const restart = howToStart('onescand', 'restart')
  if (stranger !== undefined) {
    const value = `runs as ${nameOrNumber(accounts, stranger)} instead of ${ACCOUNT}`
    const { file } = lineThatSets('onescand.service', 'User') ?? {}
    const place = file === undefined ? 'where it is started' : `in ${shellWord(file)}`
    const reload = file === undefined ? '' : 'systemctl daemon-reload && '
    return failure('onescand', value, `set User=${ACCOUNT} ${place}, then run ${reload}${restart}`)
  }
  return warning('onescand', `answers at ${socket}, but does not show its settings`, restart)
}

/** Returns the settings of a running onescand: `QHPSI="plugin: clamd" REJECTVIRUS="1"`. */
export function settingsInWords({ settings }: RunningDescription): string {
  const set = Object.entries(settings).filter(([name]) => isSetting(name))
  return set.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ')
}

/** Returns since when an onescand has been running, as which account and with which options. */
export function runsInWords(
  { args, since, uid }: RunningDescription,
  accounts: Accounts = readAccounts(),
): string {
  const time = `${new Date(since).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return `running since ${time}, account ${nameOrNumber(accounts, uid)}, command onescand ${args.map(shellWord).join(' ')}`.trim()
}

/** Milliseconds for a self-test: onescand times out sooner. */
const SELF_TEST_ANSWER_TIMEOUT = 15_000

/** Returns check lines about a self-test of an onescand: whether it scans, and whether its doors answer. */
function checkSelfTest(
  { pid }: RunningDescription,
  selfTest: Awaited<ReturnType<typeof requestSelfTest>>,
): CheckLine[] {
  const what = `onescand ${pid}`
  if (selfTest === undefined) {
    const value = `did not complete its self-test within ${formatDuration(SELF_TEST_ANSWER_TIMEOUT)}`
    const remedy = `run ${howToReadLog('onescand')}, then ${howToStart('onescand', 'restart')}`
    return [failure(what, value, remedy)]
  }
  const { wrong, doors } = selfTest
  if (wrong.length === 0) {
    const open = doors.join(', ') || 'no interface'
    return [ok(what, `reports a clean message as clean, and finds EICAR; open: ${open}`)]
  }
  return wrong.map((checkLine) => judgeReported(what, checkLine, doors))
}

/** Resolves to the result of a self-test, or to undefined if onescand does not return one in time. */
export async function requestSelfTest({ socket }: RunningDaemon) {
  const answer = await askForDescription(socket, SELF_TEST_ANSWER_TIMEOUT, true).catch(
    () => undefined,
  )
  return answer?.daemon?.selfTest
}

/**
 * Returns the check line about a problem that an onescand reports. If it was compromised, an attacker chose the
 * text, so it is quoted, and its remedy is not used. Every problem except an unanswered door follows from a
 * scanner that cannot answer, or from a missing directory. A door that does not answer logs nothing.
 */
function judgeReported(what: string, checkLine: CheckLine, doors: readonly string[]): CheckLine {
  const value = `does not scan correctly: ${JSON.stringify(`${checkLine.what}: ${checkLine.value}`)}`
  if (!doors.includes(checkLine.what))
    return following(
      failure(what, value, `run ${howToReadLog('onescand')}`),
      'nothing scans',
      'finds no virus',
    )
  const silent = failure(what, value, howToStart('onescand', 'restart'))
  // A restart does not start the server to which onescand passes mail.
  return HAS_NEXT.test(checkLine.what) ? following(silent, 'next server is down') : silent
}

/** The interfaces with a server to which they pass mail. */
const HAS_NEXT = /^(?:smtp|lmtp) /

/** A process has the groups that its user was in when it was started. */
function checkGroups(
  { uid, groups }: RunningDescription,
  what: string,
  accounts: Accounts,
): CheckLine[] {
  const name = nameOrNumber(accounts, uid)
  const user = uid === 0 ? undefined : findAccount(accounts, name, 'all')
  // A unit or run script sets the primary group.
  const [, ...joined] = user?.groups ?? []
  const missing = joined.filter((gid) => !groups.includes(gid))
  if (missing.length === 0) return []
  const names = missing.map((gid) => groupName(accounts, gid)).join(', ')
  return [
    warning(
      what,
      `runs without the groups ${names}, although ${name} belongs to them`,
      howToStart('onescand', 'restart'),
    ),
  ]
}

function checkFiles({ pid, changed, replaced }: RunningDescription, what: string) {
  return [
    ...replaced.map((program) =>
      warning(
        what,
        `${shellWord(program)} has been replaced since onescand was started`,
        howToStart('onescand', 'restart'),
      ),
    ),
    ...changed.map((file) =>
      warning(what, `${shellWord(file)} has changed since onescand read it`, howToReload(pid)),
    ),
  ]
}

/** What clamd logs about a file of signatures because of which it does not start. */
const UNREADABLE = /^LibClamAV Error: Can't load (\/.{1,300}): /
/** Upper limit for the lines of its log that are shown. */
const LINES_SHOWN = 3

/**
 * Returns check lines from the unit of a clamd on this host that onescand cannot connect to: onescand itself
 * runs in a unit that cannot query it. Returns none if onescand has reported the reason, or if there is no
 * such unit here.
 */
function checkClamdUnit(checkLines: readonly CheckLine[]): CheckLine[] {
  const down = checkLines.find((checkLine) => hasMark(checkLine, 'clamd does not run'))
  if (down === undefined) return []
  const level = down.level === 'error' ? failure : warning
  for (const name of CLAMDS) {
    const unit = askSystemd(`${name}.service`)
    if (unit === undefined) continue
    if (unit.active === 'active' || unit.active === 'activating') return []
    const state = unit.load === 'masked' ? 'its unit is masked' : unit.active
    const start = startCommand(name, unit)
    if (unit.active !== 'failed') return [level(name, `is not running (${state})`, start)]
    // A process that has ended at once may be gone before journald knows which start it was of.
    const lines = [...journalOf(`${name}.service`, unit.since), ...journalOfStart(unit)]
    const errors = lines.filter((line) => /^ERROR: /.test(line)).slice(-LINES_SHOWN)
    const read = `fix the error that journalctl -u ${name} shows, then ${start}`
    const unreadable = lines.findLast((line) => UNREADABLE.test(line))
    const shown = unreadable === undefined ? [...new Set(errors)] : [unreadable]
    if (shown.length === 0) return [level(name, `is not running (${state})`, read)]
    return shown.map((line) =>
      level(name, `logged: "${line.replaceAll('"', "'")}"`, remedyOfClamd(line, name)),
    )
  }
  return []
}

/** Returns what helps against an error that a clamd has logged at its start. */
function remedyOfClamd(line: string, clamd: string): string {
  const [, path] = UNREADABLE.exec(line) ?? []
  if (path === undefined) return `correct this error, then run systemctl restart ${clamd}`
  const file = shellWord(path)
  return `mv -n ${file} ${file}.broken && systemctl restart ${clamd}; if the file is one of freshclam's, systemctl restart clamav-freshclam downloads it again`
}

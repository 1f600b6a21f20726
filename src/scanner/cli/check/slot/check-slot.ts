import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  type CheckLine,
  failure,
  ok,
  settingsFault,
  warning,
} from '../../../../base/check/check-line.ts'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { START_BLUR } from '../../../../base/process/proc-entry.ts'
import { namesScanners } from '../../../../base/settings/table/scanners.ts'
import { statedErrorReport } from '../../../doors/slot/error-report.ts'
import { ownAccount, readAccounts } from '../../../readiness/host/account.ts'
import { runCheck } from '../../../readiness/host/checked-host.ts'
import { runChecks } from '../../../readiness/run-checks.ts'
import { changedAfter } from '../../host/changed-after.ts'
import { type RunningService, rootLine } from '../../host/running-services.ts'
import { AS_ROOT } from '../services/service-state.ts'
import { superviseCommand } from '../services/supervised.ts'
import { checkPrograms } from './check-next-program.ts'
import { howToSet, makeRules, rulesSource } from './client-rules.ts'
import { deniesOthers, type Host, type SlotOptions, slotHosts } from './slot-hosts.ts'
import { checkTestMessages } from './test-messages.ts'

/**
 * Checks onescan-queue in each of these services under this account, once for each class of clients in its
 * rules. Without a service, checks onescan-queue as the options set it up.
 */
export async function* checkSlot(
  options: SlotOptions,
  services: readonly RunningService[],
): AsyncGenerator<CheckLine> {
  const all: CheckLine[] = []
  const accounts = readAccounts()
  yield* checkCaller(options.user)
  /** A host and its label, which is shown if there are several. */
  const hosts: [Host, label: string][] = []
  for (const service of services.length > 0 ? services : [undefined]) {
    if (service !== undefined) yield* checkService(service)
    try {
      const classes = slotHosts(service, options, process.env, accounts, Date.now())
      for (const host of classes) hosts.push([host, host.clients ?? `process ${service?.pid}`])
    } catch (error) {
      const what = service ? `process ${service.pid}` : 'qmail-queue program'
      const fault = settingsFault(errorText(error))
      yield { ...fault, what, value: `${fault.value}: the service accepts no mail` }
    }
  }
  for (const [host, label] of hosts) {
    for await (const checkLine of passesOnPurpose(host) ?? checkSlotOf(host)) {
      if (isFound(checkLine, all)) continue
      all.push(checkLine)
      yield hosts.length > 1 ? { ...checkLine, what: `${checkLine.what} [${label}]` } : checkLine
    }
  }
}

/** Returns a check line if the tests run under another account than the named one. */
function checkCaller(named: string | undefined): CheckLine[] {
  const { name, uid } = ownAccount(readAccounts())
  if (named === undefined || named === name || named === String(uid)) return []
  return [warning('test messages', `run as ${name}, not as ${named}`, AS_ROOT)]
}

/** Checks ERROR_FD. Only mail over SMTP shows whether qmail-smtpd reads a text there. */
function checkErrorFd({ env, directories }: Host): CheckLine[] {
  const what = 'ERROR_FD'
  let report: ReturnType<typeof statedErrorReport>
  try {
    report = statedErrorReport(env)
  } catch (error) {
    const fault = settingsFault(errorText(error))
    return [{ ...fault, what, value: `${fault.value}: mail is deferred` }]
  }
  if (report.fd === undefined) return []
  const smtpd = join(directories.qmailHome, 'bin/qmail-smtpd')
  const value = `${report.fd} with exit code ${report.code}`
  if (existsSync(smtpd)) return [ok(what, `${value}; onescan check --mail ADDRESS tests it`)]
  const remedy = 'send EICAR over SMTP: the reply must contain the name of the virus'
  return [warning(what, `${value}, and there is no ${smtpd}`, remedy)]
}

/**
 * Runs the checks that only read, then those of onescan-queue --check, which run programs that the settings
 * name, open files and connect. The last test uses onescan-queue from outside.
 */
async function* checkSlotOf(host: Host): AsyncGenerator<CheckLine> {
  yield* await runCheck(checkPrograms, host) // slot, next program, /etc/onescan/queue
  yield* await runCheck(checkErrorFd, host)
  const marks = new Set<string>()
  for await (const checkLine of runChecks(host)) {
    yield withAllSettings(checkLine, host)
    for (const mark of checkLine.marks ?? []) marks.add(mark)
  }
  if (marks.has('nothing scans')) return
  const send = (tried: Host) => checkTestMessages(tried, !marks.has('only onescand scans'))
  yield* await runCheck(send, host)
}

const TAGS = 'unless REJECTVIRUS="0" in its rule should tag such mail'

/** Lets one remedy set what the clients of a service lack: each setting alone would take another check. */
function withAllSettings(checkLine: CheckLine, host: Host): CheckLine {
  const { level, what } = checkLine
  const isUnset =
    (what === 'QHPSI' && host.env.QHPSI === undefined) ||
    (what === 'infected mail' && host.env.REJECTVIRUS === undefined)
  const isOfService = host.rules !== undefined
  return isUnset && isOfService && level !== 'ok'
    ? { ...checkLine, remedy: what === 'QHPSI' ? howToSet(host) : `${TAGS}, ${howToSet(host)}` }
    : checkLine
}

/**
 * The only check line about relay clients without QHPSI, which may be intended, as for this host
 * itself. Undefined for all other clients.
 */
function passesOnPurpose(host: Host): readonly CheckLine[] | undefined {
  if (namesScanners(host.env.QHPSI) || !host.mayRelay) return undefined
  const value = 'is not set for these clients, who may relay: their mail is accepted unscanned'
  return [warning('QHPSI', value, `unless this is intended, ${howToSet(host)}`)]
}

/** Returns whether the same was found for another class of clients. */
function isFound(checkLine: CheckLine, all: readonly CheckLine[]): boolean {
  return all.some(
    (other) =>
      other.level === checkLine.level &&
      withoutFigures(other.value) === withoutFigures(checkLine.value) &&
      other.remedy === checkLine.remedy &&
      other.what === checkLine.what,
  )
}

/** Removes figures that differ each time: the free space on a disk, and the duration of a test. */
const withoutFigures = (value: string) => value.replace(/\d+(?= MiB\b)|[\d.]+ m?s$/g, '')

/** Returns check lines about a service itself: how it runs, and what has changed since it was started. */
function checkService(service: RunningService): CheckLine[] {
  const { pid, program, text, rules, directory, unknownSteps, uid, since } = service
  const what = `process ${pid}`
  const checkLines = [ok(what, text)]
  const script = join(directory, 'run')
  if (changedAt(script) > since + START_BLUR) {
    const remedy = superviseCommand('restart', directory)
    checkLines.push(warning(what, `${script} has changed since this process was started`, remedy))
  }
  const make = rules === undefined ? undefined : makeRules(rules)
  if (rules !== undefined && make !== undefined && changedAfter(rulesSource(rules), rules)) {
    const value = `${rulesSource(rules)} is newer than ${rules}, which tcpserver reads`
    checkLines.push(failure(what, value, make))
  }
  const isForAll = /^qmail-smtpd/.test(program)
  if (isForAll && rules !== undefined && attempt(() => deniesOthers(rules))) {
    const source = rulesSource(rules)
    const value =
      'denies all clients that no other rule names: other hosts send no mail to this one'
    const remedy = `if they should, write :allow with the settings of the other rules instead of :deny, then run ${make ?? 'tcprules'}`
    checkLines.push(warning(source, value, remedy))
  }
  if (unknownSteps.length > 0) {
    const value = `starts ${unknownSteps.join(', ')} before ${program}: settings that this program changes are not checked`
    const remedy =
      'start it before the server, or test its settings: onescan check --user ACCOUNT --envdir DIR'
    checkLines.push(warning(what, value, remedy))
  }
  if (uid === 0) checkLines.push(rootLine(service))
  return checkLines
}

const changedAt = (file: string): number => attempt(() => statSync(file).mtimeMs) ?? 0

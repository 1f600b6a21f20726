import { lstatSync } from 'node:fs'
import { type CheckLine, failure, marked, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { PathHandle } from '../../../../base/path/path-handle.ts'
import { passwdEntryOf } from '../../../../base/process/passwd.ts'
import { START_BLUR } from '../../../../base/process/proc-entry.ts'
import { NAMES_UNSEEN_FILES } from '../../../../base/systemd/bound-paths.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { KEY_READERS } from '../../../readiness/check-keyring.ts'
import { ACCOUNT } from '../../host/running-daemon.ts'
import { findIdleLines, findReplacedLines } from '../../host/settings-file.ts'
import {
  askSystemd,
  hasSystemd,
  ignoredLines,
  journalOf,
  journalOfStart,
  type SystemdUnit,
  unboundPathsOf,
} from '../../host/systemd-unit.ts'
import { lastAttempt, lastStart } from './last-start.ts'
import { checkStartsAtBoot, startCommand, unmaskCommand } from './starts-at-boot.ts'
import { SUPERVISED, superviseCommand } from './supervised.ts'
import { missingPaths, type UnitFault, unusable } from './unit-faults.ts'
import { checkUnitLimits } from './unit-limits.ts'

type Service = 'onescand' | 'onescan-quotad'

/** Upper limits for the bytes read from the end of a multilog log, and for the lines shown. */
const LOG_BYTES = 64 * 1024
const LINES_SHOWN = 10
/** Milliseconds that an attempt to start may have taken. */
const ATTEMPT = 90_000

const isThere = (path: string) => attempt(() => lstatSync(path)) !== undefined

const supervisedAt = (service: Service): string | undefined =>
  SUPERVISED.map((place) => `${place}/${service}`).find(isThere)

/** Returns whether this host starts the service, or has started it. */
export function isStarted(service: Service): boolean {
  const unit = askSystemd(`${service}.service`)
  if (supervisedAt(service) !== undefined) return true
  return unit !== undefined && (unit.enabled === 'enabled' || unit.active !== 'inactive')
}

/** The units without which systemd does not start a service. */
const NEEDS = {
  onescand: ['onescand.socket', 'onescan-root.service'],
  'onescan-quotad': ['onescan-quotad.socket', 'onescan-quotad-root.service'],
} as const

const maskedNeeds = (service: Service): readonly string[] =>
  NEEDS[service].filter((name) => askSystemd(name)?.load === 'masked')

/** What systemd itself logs about each attempt to start a unit, beside the cause of its failure. */
const BESIDE_CAUSE =
  /^(?:Start|Stopp)(?:ing|ed) |^(?:Listening on|Closed|Finished) |: Deactivated successfully|: Failed with result |: Input\/output error$/

/** Returns why the last start of a unit failed, in the words of its journal, or undefined if it has not failed. */
export function failedStart(name: string): string | undefined {
  const unit = askSystemd(name)
  if (unit?.active !== 'failed') return undefined
  const lines = journalOfStart(unit).filter((line) => !BESIDE_CAUSE.test(line))
  // What a program complains of may be logged after its end.
  const cause = lines.find((line) => !/: Main process exited, /.test(line)) ?? lines[0]
  const quoted = cause?.replace(`${name}: `, '').replaceAll('"', "'")
  return `its start failed${quoted === undefined ? '' : `: "${quoted}"`}`
}

/** Reports how to start a service on this host: by its unit, which `verb` is about, or below supervise. */
export function howToStart(service: Service, verb: 'start' | 'restart' = 'start'): string {
  const unit = askSystemd(`${service}.service`)
  if (unit !== undefined) {
    const masked = maskedNeeds(service).filter((name) => name !== `${service}.socket`)
    const unmask = masked.map((name) => unmaskCommand(name, askSystemd(name)))
    return [...unmask, startCommand(service, unit, verb)].join(' && ')
  }
  const place = supervisedAt(service)
  if (place !== undefined) return superviseCommand(verb === 'start' ? 'up' : 'restart', place)
  if (isThere(`/etc/${service}/run`)) return `ln -s /etc/${service} /service/`
  return `${verb} ${service} as doc/install.md describes (Without systemd)`
}

/** Returns the command that makes systemd create the files of sockets again. */
export const newSocket = (...units: readonly string[]): string =>
  `systemctl stop onescand && systemctl restart ${units.join(' ')} && systemctl start onescand`

/** Returns the command that makes onescand read its files again. */
export function howToReload(pid: number): string {
  if (askSystemd('onescand.service')?.active === 'active') return 'systemctl reload onescand'
  const place = supervisedAt('onescand')
  return place === undefined ? `kill -HUP ${pid}` : superviseCommand('hup', place)
}

/** Returns the command that shows what a service logs about itself. */
export const howToReadLog = (service: Service): string =>
  askSystemd(`${service}.service`) === undefined
    ? `tail /var/log/${service}/current`
    : `journalctl -u ${service}`

/** The remedy for what only root sees. */
export const AS_ROOT = 'run onescan check as root'

/**
 * Returns check lines from the host's service manager about a service, and from its log since its last start: a
 * service checks its settings before it starts. `answers` states whether the service answers.
 */
export function checkState(service: Service, answers: boolean, isNeeded: boolean): CheckLine[] {
  const unit = askSystemd(`${service}.service`)
  const level = isNeeded ? failure : warning
  // A service that was stopped has nothing to report.
  const ofLog = isStopped(unit) ? [] : checkLog(service, linesOf(service, unit, answers), answers)
  const limits = service === 'onescand' ? checkUnitLimits(howToStart(service, 'restart')) : []
  if (unit !== undefined) ofLog.push(...checkSettingsFile(service), ...checkAdditions(service))
  if (unit !== undefined && answers) return [...checkUnit(service, unit), ...limits, ...ofLog]
  if (answers) return ofLog
  const whole = howToStart(service, 'restart')
  const paths = unit?.active === 'active' ? [] : missingPaths(`${service}.service`, whole)
  const cannotStart = (fault: UnitFault) =>
    marked(level(service, `cannot start: ${fault.reason}`, fault.remedy), 'stops the start')
  if (paths.length > 0) return paths.map(cannotStart)
  const unread = unusable(`${service}.service`, unit?.load ?? 'loaded', whole)
  const state = unit ? ` (${stateInWords(unit)})${unread?.reason ?? ''}` : ''
  const hasFailed = unit?.load === 'loaded' && !['success', ''].includes(unit.result)
  const again = howToStart(service, unit?.active === 'active' || hasFailed ? 'restart' : 'start')
  // systemd has not tried to start it then.
  const needs = NEEDS[service].flatMap((name) => {
    const value = failedStart(name)
    return value === undefined ? [] : [level(name, value, `fix this error, then ${again}`)]
  })
  const remedy =
    unread?.remedy ??
    (hasFailed ? `fix the error that ${howToReadLog(service)} shows, then ${again}` : again)
  const down = marked(level(service, `does not answer${state}`, remedy), 'stops the start')
  return needs.length > 0 ? needs : [...limits, down, ...ofLog]
}

/** Returns the check line that the account of a service does not exist, without which systemd does not start it. */
export function checkAccount(service: Service, runs: boolean): CheckLine[] {
  const { user = '' } = askSystemd(`${service}.service`) ?? {}
  if (user === '' || passwdEntryOf(user) !== undefined) return []
  const file = `/usr/lib/sysusers.d/${user}.conf`
  const create = isThere(file)
    ? `systemd-sysusers ${file}`
    : `useradd --system --shell /usr/sbin/nologin ${shellWord(user)}`
  // As the first installation of the package does.
  const join = user === ACCOUNT ? ` && usermod -aG ${KEY_READERS} ${ACCOUNT}` : ''
  const remedy = `${create}${join} && ${howToStart(service, 'restart')}`
  const state = runs ? 'runs, but cannot be started again' : 'cannot start'
  const value = `${state}: its account ${user} does not exist`
  return [marked(failure(service, value, remedy), 'stops the start')]
}

/** Returns whether a service was stopped on purpose, so that its log shows nothing about its next start. */
export const isAtRest = (service: Service): boolean => isStopped(askSystemd(`${service}.service`))

/** Returns whether a unit was stopped on purpose. */
const isStopped = (unit: SystemdUnit | undefined): boolean =>
  unit !== undefined && unit.active === 'inactive' && unit.result === 'success'

function stateInWords({ load, active, result }: SystemdUnit): string {
  if (load !== 'loaded') return `its unit is ${load}`
  return result === 'success' || result === '' ? active : `${active}: ${result}`
}

/** Returns the warnings about files of a service's settings that have changed since it was started. */
export function changedSince(service: Service, since: number): CheckLine[] {
  const unit = askSystemd(`${service}.service`)
  const { files, isStale } = unit ?? { files: [`/etc/default/${service}`], isStale: false }
  const changed = files.filter((file) => {
    const { mtimeMs = 0, ctimeMs = 0 } = attempt(() => lstatSync(file)) ?? {}
    return Math.max(mtimeMs, ctimeMs) > since + START_BLUR
  })
  const reload = isStale ? 'systemctl daemon-reload && ' : ''
  const remedy = `${reload}${howToStart(service, 'restart')}`
  return changed.map((file) =>
    warning(service, `${shellWord(file)} has changed since ${service} was started`, remedy),
  )
}

/** The lines of a service's settings that have no effect, which systemd does not report. */
function checkSettingsFile(service: Service): CheckLine[] {
  const file = `/etc/default/${service}`
  const text = attempt(() => readOwnFile(file).toString('utf8')) ?? ''
  const restart = `systemctl restart ${service}`
  const idle = findIdleLines(text).map(({ line, word }) => {
    const value = `line ${line} of ${file} sets nothing: it has no "=" after ${JSON.stringify(word)}`
    return warning(service, value, `write line ${line} as ${word}="VALUE", then run ${restart}`)
  })
  const replaced = findReplacedLines(text).map(({ line, name, by }) => {
    const value = `line ${line} of ${file} has no effect: line ${by} sets ${name}, too`
    const remedy = `copy what only line ${line} has into line ${by}, then delete line ${line}: sed -i ${line}d ${file} && ${restart}`
    return warning(service, value, remedy)
  })
  return [...idle, ...replaced]
}

/** Returns the warnings about lines of the administrator that systemd ignores, in the unit of a service and its sockets. */
function checkAdditions(service: Service): CheckLine[] {
  return ignoredLines(`${service}.service`).map(({ unit, file, line, reason }) => {
    const value = `line ${line} of ${shellWord(file)} has no effect: "${reason}"`
    const [section, again] = unit.endsWith('.socket')
      ? ['[Socket]', newSocket(unit)]
      : ['[Service]', howToStart(service, 'restart')]
    const reload = `systemctl daemon-reload && ${again}`
    const remedy = reason.startsWith('Assignment outside of section')
      ? `sed -i '1i ${section}' ${shellWord(file)} && ${reload}`
      : `correct this line, then run ${reload}`
    return warning(service, value, remedy)
  })
}

/** Returns the faults of the unit of a running service. */
function checkUnit(service: Service, { load }: SystemdUnit): CheckLine[] {
  const unread = unusable(`${service}.service`, load, howToStart(service, 'restart'))
  const value = `runs, but cannot be started again: systemd cannot use its unit (${load})${unread?.reason}`
  return [
    ...(unread === undefined ? [] : [failure(service, value, unread.remedy)]),
    ...maskedNeeds(service).map((name) =>
      failure(
        service,
        `runs, but cannot be started again: ${name} is masked`,
        unmaskCommand(name, askSystemd(name)),
      ),
    ),
    ...checkStartsAtBoot([service], 'no client reaches it'),
    ...unboundPathsOf(`${service}.service`).map((path) =>
      warning(
        service,
        `does not see ${shellWord(path)}, which did not exist when ${service} was started`,
        `systemctl restart ${service}`,
      ),
    ),
  ]
}

/** Returns the complaints of a supervised service at its last start. */
export const checkSupervised = (service: Service): CheckLine[] =>
  checkLog(service, linesOf(service, undefined, false), false)

/** Returns the log lines since its start: from the journal, or from the log of its run script. */
function linesOf(service: Service, unit: SystemdUnit | undefined, answers: boolean): string[] {
  if (unit !== undefined) {
    // What it has logged since it started, without an earlier attempt that failed.
    if (answers || unit.active === 'active') return journalOfStart(unit)
    return lastAttempt(journalOf(`${service}.service`, unit.since - ATTEMPT))
  }
  if (hasSystemd()) return []
  const file = `/var/log/${service}/current`
  const text = attempt(() => PathHandle.with(file, (log) => log.readEnd(LOG_BYTES)))
  const lines = text?.toString('latin1').split('\n') ?? []
  const own = lastStart(lines.map((line) => line.replace(/^@[0-9a-f]{24} /, '')))
  return own.filter((line) => line !== '')
}

/** The line by which a service reports that it has started: earlier complaints have not stopped it. */
const SERVES = /(^| )(onescand: serving$|onescan: program=onescan-quotad event=serving\b)/
/** The complaints of systemd and sh(1) about a line of settings that has no effect: onescand's own name the file, too. */
const OF_LINES = /^Ignoring invalid |^(?!error: |warning: ).*\/etc\/default\//
/** The complaints that onescand can only make after a client's request. */
const OF_CLIENTS = new RegExp(`^onescand: clamd: user \\d+ ${NAMES_UNSEEN_FILES}: `)
/** What systemd logs about every start and end, and onescand about mail. */
const NEWS =
  /^(?:Start|Stopp|Finish)(?:ed|ing) |^\S+\.service: (?:Deactivated successfully|Succeeded|Scheduled restart job|Consumed )|^onescan: decision=/
/** The form of complaints when a service checks its settings. */
const COMPLAINT = /^(error|warning): /

/**
 * Returns check lines about complaints in a log. While the service answers, it reports its complaints itself.
 */
function checkLog(service: Service, lines: readonly string[], answers: boolean): CheckLine[] {
  const complaints = lines.filter(
    (line) => OF_LINES.test(line) || OF_CLIENTS.test(line) || (!answers && COMPLAINT.test(line)),
  )
  const sinceServing = lines
    .slice(lines.findLastIndex((line) => SERVES.test(line)) + 1)
    .filter((line) => !NEWS.test(line))
  const shown = complaints.length > 0 || answers ? complaints : sinceServing
  const remedy = `fix the error that this line reports, then ${howToStart(service, 'restart')}`
  return [...new Set(shown)].slice(-LINES_SHOWN).map((line) => {
    const level = answers || line.startsWith('warning: ') ? warning : failure
    // With the backslashes of a command that it names.
    return level(service, `logged: "${line.replaceAll('"', "'")}"`, remedy)
  })
}

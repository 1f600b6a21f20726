import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { attempt } from '../../../base/errors/fault.ts'
import { PathHandle, pathExists } from '../../../base/path/path-handle.ts'
import { ProcEntry } from '../../../base/process/proc-entry.ts'
import { splitWords } from '../../../base/text/values.ts'

/** The state of a unit in systemd: systemctl(1), show. */
export interface SystemdUnit {
  /** loaded, masked, bad-setting … */
  readonly load: string
  /** active, failed, activating … */
  readonly active: string
  /** Why it failed: exit-code, timeout …; success if it did not. */
  readonly result: string
  /** enabled, disabled, masked … */
  readonly enabled: string
  /** The account of a service: User= */
  readonly user: string
  /** The time of its last start, in milliseconds since 1970; 0: never. */
  readonly since: number
  /** The number of its last start, by which the journal names its lines: systemd.exec(5), INVOCATION_ID. */
  readonly invocation: string
  /** The administrator's files: of the unit, additions to it (`systemctl edit`), and of its variables. */
  readonly files: readonly string[]
  /** Whether one of them was changed and systemd has not reloaded it. */
  readonly isStale: boolean
  /** Where it listens if it is a socket, as options of onescand name it: `unix:PATH`, `inet:127.0.0.1:3311`. */
  readonly listens: readonly string[]
}

const SYSTEMCTL = '/usr/bin/systemctl'
const JOURNALCTL = '/usr/bin/journalctl'
const ANALYZE = '/usr/bin/systemd-analyze'
/** Milliseconds for an answer. */
const TIMEOUT = 5_000
/** Upper limits for the lines and bytes read of a journal. */
const LINES = 200
const BYTES = 256 * 1024

/** Returns whether systemd has started this host: sd_booted(3). */
export const hasSystemd = (): boolean => pathExists('/run/systemd/system')

/** A line in an addition of the administrator to a unit (`systemctl edit`) that systemd ignores. */
interface IgnoredLine {
  /** The unit to which the file belongs. */
  readonly unit: string
  readonly file: string
  readonly line: number
  /** In the words of systemd. */
  readonly reason: string
}

/**
 * What systemd-analyze(1) prints about such a line. systemd itself logs it only when it reads the file. Its advice about
 * lines that have an effect, such as `User=nobody`, has not this word.
 */
const IGNORED =
  /^(\/etc\/systemd\/system\/(onescan[\w-]*\.\w+)\.d\/[^:\n]+):(\d+): (.*[Ii]gnor.*)$/gm

/** Returns the lines that systemd ignores in additions to a unit, and to the sockets and units that it needs. */
export function ignoredLines(unit: string): IgnoredLine[] {
  if (!hasSystemd()) return []
  const { complaint } = run(ANALYZE, 'verify', '--man=no', '--', unit)
  return [...complaint.matchAll(IGNORED)].map(([, file = '', of = '', line, reason = '']) => ({
    unit: of,
    file,
    line: Number(line),
    reason: reason.replace(/\.$/, ''),
  }))
}

/** Returns why systemd cannot use a unit, in its words, or undefined if it shows no reason. */
export function complaintOf(unit: string): string | undefined {
  if (!hasSystemd()) return undefined
  const { complaint } = run(ANALYZE, 'verify', '--man=no', '--', unit)
  const start = `${unit}: `
  const line = complaint.split('\n').find((text) => text.startsWith(start) && REFUSES.test(text))
  return line
    ?.slice(start.length)
    .replace(/\.? Refusing\.$/, '')
    .replaceAll('"', "'")
}

/** What ends a line about an option with which systemd does not use the unit. */
const REFUSES = / Refusing\.$/

/** The properties of SystemdUnit, and the name of the unit. */
const STATE = [
  ...['Id', 'LoadState', 'ActiveState', 'Result', 'UnitFileState', 'InactiveExitTimestamp'],
  ...['InvocationID', 'User', 'FragmentPath', 'DropInPaths', 'EnvironmentFiles'],
  ...['NeedDaemonReload', 'Listen'],
].join()

/**
 * Queries systemd for a unit. Undefined if there is none, or if systemd does not answer, as without D-Bus it
 * answers root alone.
 */
export const askSystemd = (unit: string): SystemdUnit | undefined =>
  stateIn(show(STATE, unit), unit)

/** Returns the units that systemd has loaded, by their names, as far as these match a pattern: systemctl(1). */
export const loadedUnits = (patterns: readonly string[]): ReadonlyMap<string, SystemdUnit> =>
  new Map(
    show(STATE, ...patterns)
      .split('\n\n')
      .flatMap((output) => {
        const [, name = ''] = /^Id=(.+)$/m.exec(output) ?? []
        const unit = stateIn(output, name)
        return unit === undefined ? [] : [[name, unit] as const]
      }),
  )

/** The files of the administrator: systemd.unit(5). Those of generators are made at each boot. */
const OWN_FILE = /^\/(?:etc|run\/systemd\/system)/

/** Reads what systemctl(1) prints about a unit. */
function stateIn(output: string, unit: string): SystemdUnit | undefined {
  const values = (property: string) =>
    [...output.matchAll(new RegExp(`^${property}=(.+)$`, 'gm'))].map(([, found = '']) => found)
  const value = (property: string) => values(property).at(-1) ?? ''
  if (['', 'not-found'].includes(value('LoadState'))) return undefined
  const read = values('EnvironmentFiles').map((text) => text.replace(/ \(ignore_errors=\w+\)$/, ''))
  return {
    load: value('LoadState'),
    active: value('ActiveState'),
    result: value('Result'),
    enabled: value('UnitFileState'),
    user: value('User'),
    since: Number(value('InactiveExitTimestamp').slice(1)) * 1000 || 0,
    invocation: value('InvocationID'),
    files: [value('FragmentPath'), ...splitWords(value('DropInPaths'), unit), ...read].filter(
      (path) => OWN_FILE.test(path),
    ),
    isStale: value('NeedDaemonReload') === 'yes',
    listens: values('Listen').map(
      (text) => `${text.startsWith('/') ? 'unix' : 'inet'}:${text.replace(/ \(\w+\)$/, '')}`,
    ),
  }
}

/**
 * Returns whether a service with another name than these is being started, or was started in the last `within` milliseconds. One
 * that systemd starts again and again is not.
 */
export function isAnyStarting(within: number, except: RegExp): boolean {
  const units = show('Id,SubState,ActiveState,InactiveExitTimestamp', '*.service').split('\n\n')
  return units.some((unit) => {
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
    if (except.test(value('Id')) || value('SubState') === 'auto-restart') return false
    const since = Number(value('InactiveExitTimestamp').slice(1)) * 1000
    const isNew = value('SubState') === 'running' && Date.now() - since < within
    return isNew || value('ActiveState') === 'activating'
  })
}

/** Returns properties of a unit by their names, as far as they are set. */
export const propertiesOf = (unit: string, names: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    [...show(names.join(), unit).matchAll(/^(\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )

/**
 * Returns the main process of a service in systemd. Its other processes may belong to any user: those of cron
 * are the users'.
 */
export function askMainProcess(unit: string): string | undefined {
  return /^MainPID=(.+)$/m.exec(show('MainPID', unit))?.[1]
}

/**
 * Returns the paths that a unit binds, but that did not exist when its service was started. systemd ignores
 * missing optional paths (BindPaths=-/path), and does not check again. The list is empty if the service does
 * not run. Only root can read this.
 */
export function unboundPathsOf(unit: string): string[] {
  if (process.getuid!() !== 0) return []
  const output = show('MainPID,BindPaths,BindReadOnlyPaths', unit)
  const pid = /^MainPID=([1-9]\d*)$/m.exec(output)?.[1]
  const mounts = attempt(() => readFileSync(new ProcEntry(pid ?? '').at('mountinfo'), 'utf8'))
  if (mounts === undefined) return []
  const bound = new Set(mounts.split('\n').map((line) => line.split(' ')[4]))
  const optional = [...output.matchAll(/[= ]-([^\s:]+):([^\s:]+)/g)]
  return optional.flatMap(([, path = '', inside = '']) =>
    path === inside && !bound.has(path) && isItself(path) ? [path] : [],
  )
}

/** Returns whether a path exists without a link in it: where a link is bound, the mount is at its target. */
const isItself = (path: string): boolean =>
  attempt(() => PathHandle.with(path, (handle) => handle.path)) === path

/** Returns the last lines of a unit's journal since a time, in milliseconds, including systemd's own. */
export const journalOf = (unit: string, since: number): string[] =>
  lastLines(`--since=@${(since / 1000).toFixed(0)}`, `--unit=${unit}`)

/** The last lines of one start of a unit, systemd's own among them: none of those before. */
export const journalOfStart = ({ invocation }: SystemdUnit): string[] =>
  invocation === ''
    ? []
    : lastLines(`_SYSTEMD_INVOCATION_ID=${invocation}`, '+', `INVOCATION_ID=${invocation}`)

function lastLines(...which: readonly string[]): string[] {
  // Without --reverse they would be the first ones.
  const args = [`--lines=${LINES}`, '--reverse', '--output=cat', '--no-pager', '--quiet']
  const { output } = run(JOURNALCTL, ...args, ...which)
  return output
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
}

/**
 * Returns the addresses with which the processes of a unit may exchange packets if it denies all others
 * (IPAddressDeny=any), or undefined.
 */
export function allowedAddresses(unit: string): string[] | undefined {
  const output = show('IPAddressAllow,IPAddressDeny', unit)
  const words = (name: string) =>
    (new RegExp(`^${name}=(.*)$`, 'm').exec(output)?.[1] ?? '').split(' ').filter(Boolean)
  return words('IPAddressDeny').includes('0.0.0.0/0') ? words('IPAddressAllow') : undefined
}

/** The restrictions of a control group, which no file in proc(5) shows: systemd.resource-control(5). */
const KEPT_BY_GROUP = [
  ...['IPAddressDeny', 'IPIngressFilterPath', 'IPEgressFilterPath', 'BPFProgram', 'SocketBindDeny'],
  ...['RestrictNetworkInterfaces', 'RestrictFileSystems', 'DevicePolicy', 'DeviceAllow'],
]

/** Matches a property of KEPT_BY_GROUP that is unset: nothing is forbidden (~) rather than nothing allowed. */
const UNSET = /^(?:(?!Restrict)\w+=|Restrict\w+=~|DevicePolicy=auto)?$/

/**
 * Returns whether one of these units restricts its processes by their control group, or systemd does not
 * answer.
 */
export function haveLimits(units: readonly string[]): boolean {
  if (units.length === 0) return false
  const output = show(KEPT_BY_GROUP.join(), ...units)
  return output === '' || output.split('\n').some((line) => !UNSET.test(line))
}

/** Returns the output of systemctl(1) about a unit, a line for each property, or '' if there is no systemd that answers. */
const show = (properties: string, ...units: readonly string[]): string =>
  hasSystemd()
    ? run(SYSTEMCTL, 'show', '--timestamp=unix', `--property=${properties}`, '--', ...units).output
    : ''

/**
 * Returns what a program of systemd prints, '' if it fails, and what it complains of. (Synchronously, unlike runProgram(): a
 * check asks systemd as it reads files, one thing after another.)
 */
function run(program: string, ...args: readonly string[]) {
  const options = { encoding: 'utf8', env: {}, timeout: TIMEOUT, maxBuffer: BYTES } as const
  const { status, stdout, stderr } = spawnSync(program, args, options)
  return { output: status === 0 ? stdout : '', complaint: stderr ?? '' }
}

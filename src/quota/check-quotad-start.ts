import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type CheckLine, marked, ok, settingsFault, warning } from '../base/check/check-line.ts'
import { FaultCollector } from '../base/errors/aggregate-fault.ts'
import { attempt, errorText, errorTextAt, Fault } from '../base/errors/fault.ts'
import { readUptime } from '../base/flow/uptime.ts'
import type { Environment } from '../base/process/environment.ts'
import { isPersonal, passwdEntries } from '../base/process/passwd.ts'
import { everyFault, lineEndFaults } from '../base/settings/faults.ts'
import { misspeltSettings } from '../base/settings/misspelt.ts'
import { readSetting } from '../base/settings/read-settings.ts'
import { toBind } from '../base/systemd/bound-paths.ts'
import { openLookup } from './lookup.ts'
import { readOptions } from './quotad-options.ts'
import { readServiceSettings, type ServiceSettings } from './service-settings.ts'

/** The check lines of onescan-quotad about its start. */
interface QuotadStart {
  /** Whether an option is wrong, so that no later start can succeed. */
  readonly isUsage: boolean
  readonly checkLines: readonly CheckLine[]
}

/**
 * Runs the steps of onescan-quotad's start up to its sockets, and reports all faults together. Opens no
 * socket and asks no other service.
 */
export async function checkStart(args: readonly string[], env: Environment): Promise<QuotadStart> {
  const faults = new FaultCollector()
  const options = faults.attempt(() => readOptions(args), undefined)
  const unreadable = await everyFault(env, readServiceSettings)
  const errors = [...faults.lines, ...lineEndFaults(env), ...unreadable]
  const checkLines = [...misspeltSettings(env), ...errors.map(stopsStart)]
  if (options === undefined || errors.length > 0) {
    return { isUsage: options === undefined, checkLines }
  }
  const settings = readServiceSettings(env)
  try {
    await openLookup(settings, { now: Date.now, uptime: readUptime })
    requireFewPrivileges()
    const does = ok('settings', 'onescan-quotad can start')
    return {
      isUsage: false,
      checkLines: [
        ...checkLines,
        does,
        ...unreadableFiles(settings),
        ...missingMailboxPaths(settings, env),
      ],
    }
  } catch (error) {
    return { isUsage: false, checkLines: [...checkLines, stopsStart(errorText(error))] }
  }
}

const stopsStart = (line: string) => marked(settingsFault(line), 'stops the start')

/** The capability to read every file and directory, and nothing else (capabilities(7)). */
const CAP_DAC_READ_SEARCH = 1n << 2n

/**
 * The sets that hold what a process may do or can allow itself (capabilities(7)). The inheritable set is
 * ignored: it only matters for programs that are executed, and container runtimes have filled it for every
 * process.
 */
const CAPABILITY_SETS = ['CapPrm', 'CapEff', 'CapAmb']

/**
 * Throws a Fault if the process may do more than read, because names from strangers determine the paths that
 * it opens. `status` is the text of /proc/self/status, or '' if there is none.
 */
export function requireFewPrivileges(
  uid = process.getuid!(),
  status = attempt(() => readFileSync('/proc/self/status', 'latin1')) ?? '',
): void {
  const held = CAPABILITY_SETS.reduce((all, name) => all | capabilitySet(name, status), 0n)
  const tooMany = held & ~CAP_DAC_READ_SEARCH
  if (uid !== 0 && tooMany === 0n) return
  const who = uid === 0 ? 'root' : `a process with capabilities (${tooMany.toString(16)})`
  throw new Fault(
    'config',
    `runs as ${who}; run it as another user (setuidgid or User=), with at most CAP_DAC_READ_SEARCH`,
  )
}

function capabilitySet(name: string, status: string): bigint {
  const [, digits = '0'] = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? []
  return BigInt(`0x${digits}`)
}

/** The paths that settings name: files that are read, and the directories of mailboxes. */

/** Returns the files that settings name, each after the name of its setting. */
function namedFiles({
  limitsFile,
  users,
  domains,
  ldap,
  aliases,
}: ServiceSettings): [name: string, file: string][] {
  const files: readonly (readonly [string, string | undefined])[] = [
    ['QUOTAMAP', limitsFile],
    ...aliases.map(
      (source) => ['QUOTAALIASES', source.kind === 'file' ? source.path : undefined] as const,
    ),
    ...users.map((list) => ['QUOTAUSERS', list.kind === 'ldap' ? undefined : list.file] as const),
    ['QUOTADOMAINS', domains && 'file' in domains ? domains.file : undefined],
    ['QUOTALDAPPASSWORD', ldap?.bind?.passwordFile],
    ['QUOTALDAPCA', ldap?.authorities],
  ]
  return files.flatMap(([name, file]) => (file === undefined ? [] : [[name, file]]))
}

/**
 * Warnings about files that cannot be read. They are only opened with the first question, so they
 * do not keep the service from starting.
 */
function unreadableFiles(settings: ServiceSettings): CheckLine[] {
  return namedFiles(settings).flatMap(([name, file]) => {
    try {
      accessSync(file, constants.R_OK)
      return []
    } catch (error) {
      const value = `${name} ${file}: ${errorTextAt(file, error)}`
      const remedy = `until it can be read no mailbox is treated as full; ${toBind('onescan-quotad', file)}`
      return [warning('settings', value, remedy)]
    }
  })
}

/** Upper limit for the paths that are shown. */
const SHOWN_MAX = 3

/** Warnings about directories of mailboxes that this process does not see: a mailbox there counts as empty. */
function missingMailboxPaths({ source, users }: ServiceSettings, env: Environment): CheckLine[] {
  if (source.kind === 'quota-status') return []
  const path = readSetting(env, 'QUOTAMAILBOX').replace(/^\w+:/, '')
  const needsHomes = /^(~|%h)/.test(path)
  const paths = needsHomes
    ? users.flatMap((list) => (list.kind === 'passwd' ? homesIn(list.file) : []))
    : [path.replace(/%.*$/s, '').replace(/(?<=.)\/[^/]*$/, '')]
  const missing = [...new Set(paths)].filter((directory) => !existsSync(directory))
  return missing.slice(0, SHOWN_MAX).map((directory) => {
    const value = `${directory}: does not exist, so mailboxes in it are treated as empty`
    return warning('mailboxes', value, toBind('onescan-quotad', directory))
  })
}

/** The directories in which people of a list have their homes. */
function homesIn(file: string): string[] {
  const text = attempt(() => readFileSync(file, 'latin1')) ?? ''
  const people = [...passwdEntries(text)].filter(({ uid }) => isPersonal(uid))
  return people.flatMap(({ home }) => (home.startsWith('/') ? [dirname(home)] : []))
}

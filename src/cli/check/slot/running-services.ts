import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { withPath } from '../../../ground/path/walk.ts'
import { PROCESSES, startOf, statusOf } from '../../../ground/process/process-stat.ts'
import type { Environment } from '../../../ground/settings/settings.ts'
import type { MemoryLimits } from '../shared/host.ts'

/** A server that starts qmail-smtpd for each connection, as the kernel shows it: proc(5). */
export interface RunningService {
  readonly pid: string
  /** Its command line, for people. */
  readonly text: string
  readonly env: Environment
  readonly uid: number
  readonly groups: readonly number[]
  readonly limits: MemoryLimits
  /** The file of its rules for clients, -x of tcpserver(1). */
  readonly rules: string | undefined
  /** Its working directory: that of its run script, as supervise(8) starts it. */
  readonly directory: string
  /** The steps after the server that may set more than the kernel shows. */
  readonly unseen: readonly string[]
}

/** Servers that stand before qmail-smtpd, and take the options of tcpserver(1). */
const SERVERS = /^(tcpserver|sslserver|tcpsvd|smtp-delay(\.[cm]?js)?)$/
const SMTPD = /^qmail-(smtpd|qmtpd)(-\w+)?$/
/** The options of tcpserver(1) and smtp-delay(8) with a value, of one letter. */
const VALUED = 'xcBbtugilf'
/** Programs that change the variables, the account or the limits of what they start. */
const STEPS =
  /^((s6-)?(envdir|setuidgid|softlimit|env|setsid)|chpst|env|envuidgid|setpriv|runuser|sudo|su|sh|bash|dash)$/
/** Milliseconds. A file that was changed less than that after a start counts as older. */
const AT_ONCE = 2000

/** The parents by which root has services watched: daemontools, runit, s6. */
const SUPERVISORS = /^(supervise|runsv|s6-supervise)$/
/** The control group of a service that systemd starts for the host: cgroups(7), systemd.slice(5). */
const UNIT = /^0::\/system\.slice\/[^/]+\.service$/m

/** The services that run, and findings about those that could not be seen. */
export interface RunningServices {
  readonly services: readonly RunningService[]
  readonly findings: readonly Finding[]
}

/**
 * Finds the services that start qmail-smtpd. Only those count that are the caller's own, or that a
 * supervise(8) of root's or systemd watches: any user may start a program of that name.
 */
export function findRunningServices(processes = PROCESSES): RunningServices {
  const services: RunningService[] = []
  const findings: Finding[] = []
  const namespace = mountsOf(join(processes, 'self'))
  for (const pid of readdirSync(processes).filter((name) => /^\d+$/.test(name))) {
    const command = commandOf(processes, pid)
    if (command === undefined || mountsOf(join(processes, pid)) !== namespace) continue
    const parent = statusOf(processes, pid)?.parent
    // tcpserver forks for each connection, and its copy has the same words for a moment.
    if (parent !== undefined && commandOf(processes, parent)?.text === command.text) continue
    const remedy = `if it is a service of this host: onescan check --pid ${pid}`
    const notSeen = (why: string) =>
      findings.push(warning(`process ${pid}`, `${command.text}: was not seen: ${why}`, remedy))
    if (!isTrusted(processes, pid)) {
      notSeen('no supervise, runsv or s6-supervise of root watches it, and no unit')
      continue
    }
    try {
      services.push(readService(pid, processes))
    } catch (thrown) {
      notSeen(errorText(thrown))
    }
  }
  return { services, findings }
}

/** Reads one service. Throws if it has ended, if it is not such a server, or if this user may not read it. */
export function readService(pid: string, processes = PROCESSES): RunningService {
  const at = (name: string) => join(processes, pid, name)
  const command = commandOf(processes, pid)
  if (command === undefined) throw new Error(`process ${pid}: does not start qmail-smtpd`)
  const status = statusOf(processes, pid)!
  const directory = readlinkSync(at('cwd'))
  const options = shortOptions(command.options)
  const rules = options.get('x')
  const [uid, gid] = [Number(options.get('u')), Number(options.get('g'))]
  // A server of root's gives up root for each connection.
  const becomes = status.uid === 0 && uid > 0 && Number.isInteger(gid)
  return {
    pid,
    text: command.text,
    env: environmentIn(readFileSync(at('environ'), 'latin1')),
    uid: becomes ? uid : status.uid,
    groups: becomes ? [gid] : status.groups,
    limits: limitsIn(readFileSync(at('limits'), 'latin1')),
    rules: rules ? resolve(directory, rules) : undefined,
    directory,
    unseen: command.options.filter(isStep),
  }
}

/** Findings about a service itself: how it runs, and what has changed since it was started. */
export function checkService(service: RunningService, processes = PROCESSES): Finding[] {
  const { pid, text, rules, directory, unseen, uid } = service
  const what = `process ${pid}`
  const findings = [ok(what, text)]
  const since = startOf(processes, pid)
  const script = join(directory, 'run')
  if (changedAt(script) > since + AT_ONCE) {
    const value = `${script} has changed since it was started`
    findings.push(
      warning(what, value, `svc -t ${directory} (or sv restart), to run by the new one`),
    )
  }
  const source = rules?.replace(/\.cdb$/, '')
  if (rules !== undefined && source !== rules && changedAt(source!) > changedAt(rules)) {
    const remedy = `tcprules ${rules} ${source}.tmp <${source}`
    findings.push(error(what, `${source} is newer than ${rules}, which counts`, remedy))
  }
  if (unseen.length > 0) {
    const value = `starts ${unseen.join(', ')} before qmail-smtpd: what that sets was not seen`
    const remedy = 'put it before the server, or try it: onescan check --user ACCOUNT --envdir DIR'
    findings.push(warning(what, value, remedy))
  }
  if (uid === 0) {
    const value = 'runs qmail-smtpd as root'
    const remedy = 'give tcpserver -u "$(id -u qmaild)" -g "$(id -g onescan)"'
    findings.push(error(what, value, remedy))
  }
  return findings
}

interface ServerCommand {
  readonly text: string
  /** The words between the server and qmail-smtpd. */
  readonly options: readonly string[]
}

/** The command line of a server that starts qmail-smtpd; undefined for any other process. */
function commandOf(processes: string, pid: string): ServerCommand | undefined {
  const words = readOr(join(processes, pid, 'cmdline'))
    .split('\0')
    .slice(0, -1)
  const index = words.findIndex((word) => SERVERS.test(basename(word)))
  const smtpd = words.findIndex((word, at) => at > index && SMTPD.test(basename(word)))
  if (index < 0 || smtpd < 0) return undefined
  // The server is the command itself, or a script after its runtime and the runtime's options.
  if (index > 0 && words.slice(1, index).some((word) => !word.startsWith('-'))) return undefined
  // A compiled program's mark, its name and its launcher follow (src/c/launcher/launch.c).
  const first = words[index + 1] === 'login' ? index + 4 : index + 1
  const options = words.slice(first, smtpd)
  const name = basename(words[index]!)
  // Without --listen smtp-delay is a step after the server.
  if (name.startsWith('smtp-delay') && !options.includes('--listen')) return undefined
  return { text: [name, ...options, words[smtpd]!].join(' '), options }
}

/** Whether a word names such a program, and not a file or directory of that name. */
const isStep = (word: string) =>
  STEPS.test(basename(word)) && (!word.includes('/') || /\/s?bin\//.test(word))

/** The one-letter options of tcpserver among these words, with their values; getopt(3). */
function shortOptions(words: readonly string[]): Map<string, string> {
  const options = new Map<string, string>()
  for (const [at, word] of words.entries()) {
    const [, letter, value] = new RegExp(`^-[^-]*?([${VALUED}])(.*)$`).exec(word) ?? []
    if (letter !== undefined) options.set(letter, value || (words[at + 1] ?? ''))
  }
  return options
}

function isTrusted(processes: string, pid: string): boolean {
  const own = process.getuid!()
  const status = statusOf(processes, pid)
  if (status === undefined || status.uid === own) return status !== undefined
  if (status.parent === '1') return UNIT.test(readOr(join(processes, pid, 'cgroup')))
  const parent = statusOf(processes, status.parent)
  return parent?.uid === 0 && SUPERVISORS.test(parent.name)
}

function environmentIn(text: string): Environment {
  const pairs = text.split('\0').flatMap((pair): [string, string][] => {
    const at = pair.indexOf('=')
    return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : []
  })
  return Object.fromEntries(pairs)
}

function limitsIn(text: string): MemoryLimits {
  const softLimit = (name: string) => {
    const value = new RegExp(`^Max ${name} +(\\d+)`, 'm').exec(text)?.[1]
    return value === undefined ? undefined : Number(value)
  }
  return {
    addressSpace: softLimit('address space'),
    data: softLimit('data size'),
    stack: softLimit('stack size'),
  }
}

/** The mount namespace of a process: in another one, as in a container, paths lead elsewhere. */
function mountsOf(directory: string): string | undefined {
  try {
    return readlinkSync(join(directory, 'ns/mnt'))
  } catch {
    return undefined // only root may know it of others
  }
}

function changedAt(file: string): number {
  try {
    return withPath(file, ({ stats }) => stats.mtimeMs)
  } catch {
    return 0
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // it has ended, or this user may not read it
  }
}

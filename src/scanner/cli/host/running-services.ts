import { readFileSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { type CheckLine, failure, warning } from '../../../base/check/check-line.ts'
import { attempt } from '../../../base/errors/fault.ts'
import { TIMED_OUT, withTimeout } from '../../../base/flow/timeout.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { ProcEntry, type ProcessStatus } from '../../../base/process/proc-entry.ts'
import { RUNTIME_MARKER } from '../../../base/runtime/compiled-program.ts'
import { readAccounts } from '../../readiness/host/account.ts'
import { findAccountStep } from './account-step.ts'
import { askMainProcess, hasSystemd, haveLimits } from './systemd-unit.ts'

/** The limits in bytes at which a runtime can fail, by their names in prlimit(1) and in proc(5). */
const LIMITS = { as: 'address space', data: 'data size', stack: 'stack size' } as const
/** The limits that a process has, by their names in prlimit(1). */
export type MemoryLimits = Readonly<Partial<Record<keyof typeof LIMITS, number>>>

/** A server that starts one of qmail's programs for each connection, as the kernel shows it: proc(5). */
export interface RunningService {
  readonly pid: string
  /** The program that it starts: qmail-smtpd, or that of QMTP or QMQP. */
  readonly program: string
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
  readonly unknownSteps: readonly string[]
  /** When it was started, in milliseconds as Date.now(). */
  readonly since: number
}

export interface RunningServices {
  readonly services: readonly RunningService[]
  /** About skipped processes. */
  readonly checkLines: readonly CheckLine[]
  /** The first few of these processes. */
  readonly unread: readonly string[]
}

/** Servers that run before such a program, and take the options of tcpserver(1). */
const SERVERS = /^(tcpserver|sslserver|tcpsvd|smtp-delay(\.[cm]?js)?)$/
const SMTPD = /^qmail-(smtpd|qmtpd|qmqpd)(-\w+)?$/
/** The kernel's names for such a process, and for the runtime of one: proc(5), comm. */
const NAMES = /^(tcpserver|sslserver|tcpsvd|smtp-delay|node|MainThread)$/
/** The options of tcpserver(1) and smtp-delay(8) with a value, of one letter. */
const VALUED = 'xcBbtugilf'
/** Programs that change the variables, the account or the limits of what they start. */
const STEPS =
  /^((s6-)?(envdir|setuidgid|softlimit|env|setsid)|chpst|env|envuidgid|setpriv|runuser|sudo|su|sh|bash|dash)$/

/** The parent processes that supervise services for root: daemontools, runit, s6. */
const SUPERVISORS = /^(supervise|runsv|s6-supervise)$/
/** The control group of a service that systemd starts for the host: cgroups(7), systemd.slice(5). */
const UNIT = /^0::\/system\.slice\/([\w@.\\:-]+\.service)$/m

/** Upper limit for the services that are examined: more than any host has. */
const SERVICES_MAX = 16
/** Upper limit for the processes that are reported by their number alone. */
const UNREAD_MAX = 5
/** Upper limit for the bytes of a command line or environment. */
const BYTES_MAX = 32 * 1024
/** Milliseconds for both: a process may map its memory on a file system of its own. */
const TIMEOUT = 2_000

/**
 * Finds the services of this host. Reads only the caller's own processes, or those that root's supervise(8) or
 * systemd manages: any user may start a program of that name. Other processes are reported only by their
 * number.
 */
export async function findRunningServices(processes?: string): Promise<RunningServices> {
  const services: RunningService[] = []
  const unread: string[] = []
  const numbers = new ProcEntry('self', processes).numbers()
  const mainProcessOf = oncePerUnit()
  for (const found of ProcEntry.all(processes)) {
    const { pid } = found
    const status = found.status()
    if (status === undefined || !NAMES.test(status.name)) continue
    const parent = new ProcEntry(status.parent, processes).status()
    // tcpserver forks for each connection, and its copy has the same name for a moment.
    if (parent?.name === status.name && parent.uid === status.uid && SERVERS.test(status.name))
      continue
    if (found.numbers() !== numbers) continue // in a container
    // The test process is not part of the service's unit: any program of a unit could otherwise have itself
    // tested outside of it.
    const isTried = isWatched(found, status, parent, mainProcessOf) && !found.isConfined()
    if (!isTried || isLimitedByGroup(found)) {
      if (SERVERS.test(status.name) && unread.length < UNREAD_MAX) unread.push(pid)
      continue
    }
    if (commandIn(await wordsOf(found)) === undefined) continue
    if (services.length === SERVICES_MAX)
      return { services, unread, checkLines: leftOut(unread, pid) }
    const service = await readProcess(found).catch(() => undefined)
    if (service !== undefined) services.push(service)
    else if (unread.length < UNREAD_MAX) unread.push(pid)
  }
  return { services, unread, checkLines: leftOut(unread) }
}

/**
 * Returns check lines about processes that look like services and were not read, and about the first service
 * beyond the limit, if any.
 */
function leftOut(unread: readonly string[], next?: string): CheckLine[] {
  const checkLines: CheckLine[] = []
  if (unread.length > 0) {
    const value =
      'look like mail services, but were not inspected: they run in a confined unit, or outside of any service that root supervises'
    const remedy = `if one of them is a service of this host: onescan check --pid ${unread[0]}`
    checkLines.push(warning(`processes ${unread.join(' ')}`, value, remedy))
  }
  if (next !== undefined) {
    const value = `is one of more than ${SERVICES_MAX} services: it and those after it were not checked`
    const remedy = `check each of them: onescan check --pid ${next}`
    checkLines.push(warning(`process ${next}`, value, remedy))
  }
  return checkLines
}

/**
 * The queue directories in which root's master(8) runs: only root may write its pid file. That of a container
 * has the same path, and moves no mail of this host.
 */
export function findPostfix(processes?: string): string[] {
  const numbers = new ProcEntry('self', processes).numbers()
  return ProcEntry.all(processes).flatMap((found) => {
    const status = found.status()
    const isMaster = status?.name === 'master' && status.uid === 0
    return (
      (isMaster && found.numbers() === numbers && attempt(() => readlinkSync(found.at('cwd')))) ||
      []
    )
  })
}

/** Returns the check line that a service submits mail as `who`. */
export function rootLine({ pid, program }: RunningService, who = 'root'): CheckLine {
  const value = `runs ${program} as ${who}`
  const remedy = 'run tcpserver with -u "$(id -u qmaild)" -g "$(id -g onescan)"'
  return failure(`process ${pid}`, value, remedy)
}

/**
 * Reads one service. Rejects if it has ended, if it is not such a server, or if this user may not
 * read it.
 */
export async function readService(pid: string): Promise<RunningService> {
  if (!/^\d+$/.test(pid)) throw startsNoServer(pid)
  return readProcess(new ProcEntry(pid))
}

const startsNoServer = (pid: string) =>
  new Error(`process ${pid}: does not start qmail-smtpd; specify the process of its tcpserver`)

async function readProcess(found: ProcEntry): Promise<RunningService> {
  const { pid } = found
  const command = commandIn(await wordsOf(found))
  const status = found.status()
  if (command === undefined || status === undefined) throw startsNoServer(pid)
  const directory = readlinkSync(found.at('cwd'))
  const options = shortOptions(command.options)
  const rules = options.get('x')
  const [uid, gid] = [Number(options.get('u')), Number(options.get('g'))]
  // A server of root drops root for each connection, or leaves that to the program that it starts.
  const isRoots = status.uid === 0
  const step = isRoots ? findAccountStep(command.options, readAccounts()) : undefined
  const own = isRoots && uid > 0 && Number.isInteger(gid) ? { uid, groups: [gid] } : status
  const account = step ?? own
  const isUnknown = (word: string, at: number) =>
    isStep(word) && !(step && at >= step.from && at < step.to)
  return {
    pid,
    program: command.program,
    text: command.text,
    env: environmentIn(await memoryOf(found.at('environ'))),
    uid: account.uid,
    groups: account.groups,
    limits: limitsIn(readFileSync(found.at('limits'), 'latin1')),
    rules: rules ? resolve(directory, rules) : undefined,
    directory,
    unknownSteps: command.options.filter(isUnknown),
    since: found.startedAt(),
  }
}

/** Returns whether it is the caller's own, or a process that root supervises. */
function isWatched(
  found: ProcEntry,
  status: ProcessStatus,
  parent: ProcessStatus | undefined,
  mainProcessOf: (unit: string) => string | undefined,
): boolean {
  if (status.uid === process.getuid!()) return true
  if (status.parent !== '1') return parent?.uid === 0 && SUPERVISORS.test(parent.name)
  const [, unit] = UNIT.exec(attempt(() => readFileSync(found.at('cgroup'), 'latin1')) ?? '') ?? []
  return unit !== undefined && mainProcessOf(unit) === found.pid
}

/** Returns whether a unit or slice of systemd around it restricts it, and not this process. */
function isLimitedByGroup(found: ProcEntry): boolean {
  if (!hasSystemd()) return false
  const groupOf = (entry: ProcEntry) => attempt(() => readFileSync(entry.at('cgroup'), 'latin1'))
  const group = groupOf(found)
  if (group === undefined) return true // it has ended
  if (group === groupOf(new ProcEntry('self'))) return false
  const names = /^0::(.*)$/m.exec(group)?.[1]?.split('/') ?? []
  return haveLimits(names.filter((name) => /^[\w@.\\:-]+\.(service|slice|scope)$/.test(name)))
}

/** Queries each unit once: cron's may have thousands of processes of any user. */
function oncePerUnit(): typeof askMainProcess {
  const known = new Map<string, string | undefined>()
  return (unit) => {
    if (!known.has(unit)) known.set(unit, askMainProcess(unit))
    return known.get(unit)
  }
}

async function wordsOf(found: ProcEntry): Promise<string[]> {
  const text = await memoryOf(found.at('cmdline')).catch(() => '')
  return text.split('\0').slice(0, -1)
}

/**
 * Returns the command line of a server that starts such a program, and the options between the two, or undefined
 * for any other.
 */
function commandIn(argv: readonly string[]) {
  const index = argv.findIndex((word) => SERVERS.test(basename(word)))
  const smtpd = argv.findIndex((word, at) => at > index && SMTPD.test(basename(word)))
  if (index < 0 || smtpd < 0) return undefined
  // The server is the command itself, or a script after its runtime and the runtime's options.
  if (index > 0 && argv.slice(1, index).some((word) => !word.startsWith('-'))) return undefined
  // A runtime is followed by its marker, the name of the program, and its launcher.
  const first = argv[index + 1] === RUNTIME_MARKER ? index + 4 : index + 1
  const options = argv.slice(first, smtpd)
  const name = basename(argv[index]!)
  // Without --listen smtp-delay is a step after the server.
  if (name.startsWith('smtp-delay') && !options.includes('--listen')) return undefined
  const program = basename(argv[smtpd]!)
  return { program, text: [name, ...options, argv[smtpd]].join(' '), options }
}

/** Returns whether an argument names such a program, and not a file or directory of that name. */
const isStep = (word: string) =>
  STEPS.test(basename(word)) && (!word.includes('/') || /\/s?bin\//.test(word))

/** Returns the one-letter options of tcpserver among these arguments, with their values; getopt(3). */
function shortOptions(argv: readonly string[]): Map<string, string> {
  const options = new Map<string, string>()
  for (const [at, word] of argv.entries()) {
    const [, letter, value] = new RegExp(`^-[^-]*?([${VALUED}])(.*)$`).exec(word) ?? []
    if (letter !== undefined) options.set(letter, value || (argv[at + 1] ?? ''))
  }
  return options
}

function environmentIn(text: string): Environment {
  const pairs = [...text.matchAll(/(?<=^|\0)([^=\0]+)=([^\0]*)/g)]
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]))
}

function limitsIn(text: string): MemoryLimits {
  const soft = Object.entries(LIMITS).flatMap(([name, words]) => {
    const [, bytes] = new RegExp(`^Max ${words} +(\\d+)`, 'm').exec(text) ?? []
    return bytes === undefined ? [] : [[name, Number(bytes)]]
  })
  return Object.fromEntries(soft)
}

/** Reads a part of a process's memory. Rejects if that does not arrive in time, or is too long. */
async function memoryOf(file: string): Promise<string> {
  const text = await withTimeout(readFile(file, 'latin1'), TIMEOUT)
  if (text === TIMED_OUT) throw new Error(`${file}: does not answer`)
  if (text.length > BYTES_MAX) throw new Error(`${file}: is larger than ${BYTES_MAX} bytes`)
  return text
}

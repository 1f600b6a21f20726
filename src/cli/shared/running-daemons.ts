import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { attempt } from '../../ground/errors/attempt.ts'
import { walk } from '../../ground/path/walk.ts'
import { passwdEntryOf, readPasswd } from '../../ground/process/passwd.ts'

/** A running onescand, without its workers. */
export interface RunningDaemon {
  readonly pid: string
  readonly words: readonly string[]
  /** When it was started, in milliseconds as Date.now(). */
  readonly since: number
  readonly uid: number
  /** Its environment; undefined if this user may not read it. */
  readonly env: Readonly<Record<string, string>> | undefined
  /** The file of its program. */
  readonly program: string | undefined
}

/** The socket at which onescand listens, unless --socket names another one; onescand(8). */
export const SOCKET = '/run/onescan/slot.sock'
/** The account that the package makes for it. */
export const ACCOUNT = 'onescan'
/** Units of /proc/PID/stat in a second: USER_HZ is 100 on all systems that onescan runs on. */
const TICKS = 100

/** proc(5) of this host. */
export const PROCESSES = '/proc'

/**
 * Finds the onescands that run now. `processes` is proc(5). Anybody may give a program that name, so
 * only processes of root, of the service's account and of the caller count. Throws if there is no such
 * directory.
 */
export function runningDaemons(processes: string): RunningDaemon[] {
  const boot = bootTime(processes)
  const accounts = serviceAccounts()
  return readdirSync(processes).flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const at = (name: string) => join(processes, pid, name)
      const uid = userOf(readFileSync(at('status'), 'latin1'))
      if (uid === undefined || !accounts.has(uid)) return []
      const program = linkOf(at('exe'))
      if (uid === 0 && program !== undefined && !isRuntime(program)) return []
      const words = readFileSync(at('cmdline'), 'latin1').split('\0').slice(0, -1)
      const index = words.findIndex((word) => /^onescand(\.[cm]?js)?$/.test(basename(word)))
      // On the command line of the compiled program, its mark, its name and its launcher follow
      // (src/c/launcher/launch.c).
      const rest = words.slice(words[index + 1] === 'login' ? index + 4 : index + 1)
      // onescand is the command itself, or a script behind its runtime and the runtime's options.
      if (index < 0 || rest.includes('--worker')) return []
      if (words.slice(1, index).some((word) => !word.startsWith('-'))) return []
      const since = startOf(processes, pid, boot)
      return [
        {
          pid,
          words: rest,
          since,
          uid,
          env: environ(at('environ')),
          program: index > 0 ? words[index] : program,
        },
      ]
    } catch {
      return [] // it has ended meanwhile
    }
  })
}

/** When a process was started, in milliseconds since 1970. Throws if it has ended. */
export function startOf(
  processes: string,
  pid: string,
  boot: number = bootTime(processes),
): number {
  const stat = readFileSync(join(processes, pid, 'stat'), 'latin1')
  const started = stat.replace(/^.*\) /s, '').split(' ')[19]
  return boot + (Number(started) / TICKS) * 1000
}

/**
 * The users whose processes count as the service: root, the caller, the package's account and, for
 * onescand, the owner of the usual socket.
 */
export function serviceAccounts(
  service: 'onescand' | 'onescan-quotad' = 'onescand',
): ReadonlySet<number> {
  const accounts = new Set([0, process.geteuid!()])
  const account = service === 'onescand' ? ACCOUNT : service
  const uid = attempt(() => passwdEntryOf(account, readPasswd())?.uid)
  const owner = service === 'onescand' ? attempt(ownerOfSocket) : undefined
  for (const account of [uid, owner])
    if (account !== undefined && !Number.isNaN(account)) accounts.add(account)
  return accounts
}

function ownerOfSocket(): number | undefined {
  const { fd, stats } = walk(SOCKET)
  closeSync(fd)
  return stats.isSocket() ? stats.uid : undefined
}

/**
 * The user of a process; undefined if the real, effective and saved user differ, since a set-uid
 * program does not belong to its caller alone. The process's name stands before this line, and
 * proc(5) escapes line ends in it.
 */
function userOf(status: string): number | undefined {
  const [, ...uids] = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t/m.exec(status) ?? []
  return new Set(uids).size === 1 ? Number(uids[0]) : undefined
}

/**
 * Whether the program is a runtime of onescan. A process of root's counts only then: users may start
 * other programs as root, as sudo, with any arguments.
 */
function isRuntime(program: string): boolean {
  return /^(onescan-|node)/.test(basename(program))
}

function environ(file: string): Record<string, string> | undefined {
  return attempt(() => {
    const pairs = readFileSync(file, 'latin1').split('\0').slice(0, -1)
    return Object.fromEntries(
      pairs.map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), pair.slice(at + 1)]
      }),
    )
  })
}

const linkOf = (file: string): string | undefined => attempt(() => readlinkSync(file))

function bootTime(processes: string): number {
  const [, seconds] = /^btime (\d+)$/m.exec(readFileSync(join(processes, 'stat'), 'latin1')) ?? []
  return Number(seconds) * 1000
}

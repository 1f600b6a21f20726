import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { passwdEntryOf } from '../../ground/runtime/passwd.ts'
import { walk } from '../../ground/runtime/path/walk.ts'

/** An onescand that serves, without the workers that it started. */
export interface RunningDaemon {
  readonly pid: string
  readonly words: readonly string[]
  /** Milliseconds, as Date.now(). */
  readonly since: number
  readonly uid: number
  /** undefined if it is not ours to read. */
  readonly env: Readonly<Record<string, string>> | undefined
  /** The file of the program. */
  readonly program: string | undefined
}

/** Where onescand listens unless --socket says something else; onescand(8). */
export const SOCKET = '/run/onescan/slot.sock'
/** The account that the package makes for it. */
export const ACCOUNT = 'onescan'
/** Units of /proc/PID/stat in a second: USER_HZ, which is 100 on all that onescan runs on. */
const TICKS = 100

/**
 * Those that run now, by proc(5) in this directory. Anybody may give a program of his that name:
 * only processes of root, of the service's account and of the caller himself are looked at.
 * None if there is no such directory.
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
      // Behind the compiled one stand its mark, its name and its launcher (src/c/launcher/launch.c).
      const rest = words.slice(words[index + 1] === 'login' ? index + 4 : index + 1)
      // The command itself, or a script behind its runtime and the options of that.
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
      return [] // has ended meanwhile
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

/** Root, the caller, the package's account, and whoever has the socket in its usual place. */
export function serviceAccounts(
  service: 'onescand' | 'onescan-quotad' = 'onescand',
): ReadonlySet<number> {
  const accounts = new Set([0, process.geteuid!()])
  const account = service === 'onescand' ? ACCOUNT : service
  const uid = attempt(() => passwdEntryOf(account, readFileSync('/etc/passwd', 'latin1'))?.uid)
  const owner = service === 'onescand' ? attempt(ownerOfSocket) : undefined
  for (const one of [uid, owner]) if (one !== undefined && !Number.isNaN(one)) accounts.add(one)
  return accounts
}

function ownerOfSocket(): number | undefined {
  const { fd, stats } = walk(SOCKET)
  closeSync(fd)
  return stats.isSocket() ? stats.uid : undefined
}

/**
 * Real, effective and saved, if they are one: a set-uid program is not its user's alone. Of the
 * name that stands above, proc(5) escapes line ends.
 */
function userOf(status: string): number | undefined {
  const [, ...uids] = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t/m.exec(status) ?? []
  return new Set(uids).size === 1 ? Number(uids[0]) : undefined
}

/** Others become root's when a user starts them, as sudo does, and may have any name in their words. */
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

/** What it returns, or undefined where it throws. */
function attempt<Value>(call: () => Value): Value | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}

function bootTime(processes: string): number {
  const [, seconds] = /^btime (\d+)$/m.exec(readFileSync(join(processes, 'stat'), 'latin1')) ?? []
  return Number(seconds) * 1000
}

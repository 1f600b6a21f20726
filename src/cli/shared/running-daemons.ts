import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

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

/** Units of /proc/PID/stat in a second: USER_HZ, which is 100 on all that onescan runs on. */
const TICKS = 100

/** Those that run now, by proc(5) in this directory; none if there is no such thing. */
export function runningDaemons(processes: string): RunningDaemon[] {
  const boot = bootTime(processes)
  return readdirSync(processes).flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const at = (name: string) => join(processes, pid, name)
      const words = readFileSync(at('cmdline'), 'latin1').split('\0').slice(0, -1)
      const index = words.findIndex((word) => /^onescand(\.[cm]?js)?$/.test(basename(word)))
      // Behind the compiled one stand its mark, its name and its launcher (src/c/launcher/launch.c).
      const rest = words.slice(words[index + 1] === 'login' ? index + 4 : index + 1)
      // The command itself, or a script behind its runtime.
      if (index < 0 || index > 1 || rest.includes('--worker')) return []
      const started = readFileSync(at('stat'), 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[19]
      const since = boot + (Number(started) / TICKS) * 1000
      const program = index === 1 ? words[1] : linkOf(at('exe'))
      return [
        {
          pid,
          words: rest,
          since,
          uid: statSync(at('cmdline')).uid,
          env: environ(at('environ')),
          program,
        },
      ]
    } catch {
      return [] // has ended meanwhile
    }
  })
}

function environ(file: string): Record<string, string> | undefined {
  try {
    const pairs = readFileSync(file, 'latin1').split('\0').slice(0, -1)
    return Object.fromEntries(
      pairs.map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), pair.slice(at + 1)]
      }),
    )
  } catch {
    return undefined
  }
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

function bootTime(processes: string): number {
  const [, seconds] = /^btime (\d+)$/m.exec(readFileSync(join(processes, 'stat'), 'latin1')) ?? []
  return Number(seconds) * 1000
}

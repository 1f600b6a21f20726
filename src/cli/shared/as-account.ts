import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

/** A program and its arguments. */
export type Command = readonly [string, ...string[]]

/** A program of util-linux. Like setuidgid, it drops the supplementary groups. */
const SETPRIV = '/usr/bin/setpriv'

/** Returns the command by which root has a command run by an account, whose first group is its own. */
export function commandAs(uid: number, groups: readonly number[], command: Command): Command {
  const [first = uid, ...others] = groups
  const list = others.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups'
  const account = [`--reuid=${uid}`, `--regid=${first}`, list, '--inh-caps=-all']
  return [SETPRIV, ...account, '--', ...command]
}

/** A process in a session of its own, so without a terminal. It leads its process group. */
export interface ProcessApart<Errors extends Readable | null> {
  readonly child: ChildProcess
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Errors
  /** Kills the whole group. */
  kill(): void
  /** Kills it, and forgets it: a process that waits for a file system stays until that answers. */
  end(): void
}

/** Starts a process apart; what it does with the standard error is as with spawn(). */
export function startApart<Kind extends 'pipe' | 'ignore'>(
  [program, ...words]: Command,
  { errors, ...options }: Pick<SpawnOptions, 'cwd' | 'env'> & { readonly errors: Kind },
): ProcessApart<Kind extends 'pipe' ? Readable : null> {
  const child = spawn(program, words, {
    ...options,
    stdio: ['pipe', 'pipe', errors],
    detached: true,
  })
  const stdin = child.stdin!
  const stdout = child.stdout!
  const stderr = child.stderr as Kind extends 'pipe' ? Readable : null
  stdin.on('error', () => {}) // it has ended, which the reader of its answer notices
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // No process of the group is left.
    }
  }
  const end = () => {
    kill()
    for (const stream of [stdin, stdout, stderr]) stream?.destroy()
    child.unref()
  }
  return { child, stdin, stdout, stderr, kill, end }
}

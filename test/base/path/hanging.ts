import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { python } from '../../programs/host/python.ts'
import type { Ending } from '../../programs/host/server.ts'
import { outputOf } from '../../run/until.ts'

/** A file system of a user's own that leaves questions unanswered (hanging.py). */

export interface HangingFiles {
  /** A path to its topmost directory, for processes outside of its mount namespace, too. */
  readonly directory: string
  /** The words in front of a command that sees it mounted at the directory that was asked for. */
  readonly inside: readonly string[]
  /** Ends it: who waits for it goes on, with an error. */
  end(): Promise<void>
}

/** Mounts it at a new directory; `operations` are those of hanging.py. It ends with the test. */
export async function mountHanging(
  t: Ending,
  directory: string,
  { operations, user = 0 }: { readonly operations: readonly string[]; readonly user?: number },
): Promise<HangingFiles> {
  mkdirSync(directory, { recursive: true })
  const program = [join(import.meta.dirname, 'hanging.py'), directory, String(user)]
  const child = spawn('unshare', ['-m', python, ...program, ...operations], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(child, 'exit')
  const end = async () => {
    try {
      process.kill(-child.pid!, 'SIGKILL') // its server, too
    } catch {
      // It has ended.
    }
    await ended
  }
  t.teardown(end)
  await outputOf(child)
  const inside = ['nsenter', '-t', String(child.pid), '-m', '--']
  return { directory: `/proc/${child.pid}/root${directory}`, inside, end }
}

import { existsSync, readFileSync } from 'node:fs'
import { attempt } from '../errors/fault.ts'
import { shellWord } from '../errors/shell-word.ts'

/** Paths of the host that a unit of systemd binds into an empty root: systemd.exec(5), BindPaths=. */

/** Where systemd listens for sd_notify(3); our units bind it. */
const NOTIFY = '/run/systemd/notify'

/** Whether systemd runs on this host, as far as a process sees that in a unit with a root of its own. */
export const isUnderSystemd = (): boolean => existsSync(NOTIFY)

/** The remedy for a path that is not there for a service, or that it cannot write to. */
export const toBind = (unit: string, path: string, isWritten = false): string =>
  `make it if it is missing, then ${editToBind(unit, path, isWritten)}`

/** What has a service see a path that is there. */
export function editToBind(unit: string, path: string, isWritten = false): string {
  const line = `${isWritten ? 'BindPaths' : 'BindReadOnlyPaths'}=${shellWord(path)}`
  return `"systemctl edit ${unit}" with ${line} in [Service], and restart it`
}

/** The suffix of a mount's root in proc_pid_mountinfo(5), once it was removed, or replaced by rename(2). */
const DELETED = '//deleted'

/**
 * The paths of this process's mounts that were removed or replaced: it sees what was there before, and not
 * what has the name outside. Empty if that cannot be found out.
 */
function replacedPaths(): string[] {
  const mounts = attempt(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? ''
  return mounts.split('\n').flatMap((line) => {
    const [, , , root = '', path = ''] = line.split(' ')
    return root.endsWith(DELETED) ? [path] : []
  })
}

/** Milliseconds between two looks. */
const LOOK_EACH = 1_000

/**
 * Calls `end` once when a path was removed or replaced outside that systemd has bound for this process, as a
 * list of users is by useradd(8) and a directory of sockets by some restarts: only a new start sees what is
 * there now. `counts` says which paths do. Does nothing in a process that no unit starts.
 */
export function whenReplaced(
  { NOTIFY_SOCKET }: NodeJS.ProcessEnv,
  end: (path: string) => void,
  counts: (path: string) => boolean = () => true,
): void {
  if (!NOTIFY_SOCKET) return
  const before = new Set(replacedPaths())
  const timer = setInterval(() => {
    const path = replacedPaths().find((path) => !before.has(path) && counts(path))
    if (path === undefined) return
    clearInterval(timer)
    end(path)
  }, LOOK_EACH).unref()
}

import { existsSync, readFileSync } from 'node:fs'
import { attempt } from '../errors/fault.ts'
import { mountOf } from '../process/descriptors.ts'
import { shellWord } from '../text/shell-word.ts'

/** Paths of the host that a unit of systemd binds into an empty root: systemd.exec(5), BindPaths=. */

/** The socket where systemd listens for sd_notify(3). onescan's units bind it. */
const NOTIFY = '/run/systemd/notify'

/**
 * Returns whether systemd runs on this host, as far as a process can see that in a unit with its own root.
 */
export const isUnderSystemd = (): boolean => existsSync(NOTIFY)

/** The remedy for a path that is not there for a service, or that it cannot write to. */
export const toBind = (unit: string, path: string, isWritten = false): string =>
  `create it if it is missing, then ${editToBind(unit, path, isWritten)}`

/**
 * The log message for files that a client names but that the unit of onescand does not bind. `onescan check`
 * searches for it.
 */
export const NAMES_UNSEEN_FILES = 'names files that are not visible in the unit of onescand'

/** Returns the instruction that makes an existing path visible to a service. */
export function editToBind(unit: string, path: string, isWritten = false): string {
  const line = `${isWritten ? 'BindPaths' : 'BindReadOnlyPaths'}=${shellWord(path)}`
  return editUnit(unit, line)
}

/** Returns the instruction that adds a line to the unit of a service. */
export const editUnit = (unit: string, line: string): string =>
  `run systemctl edit ${unit}, add ${line} below [Service], then run systemctl restart ${unit}`

/**
 * Returns whether an open directory is in the empty root of the systemd unit, or in the unit's private /tmp
 * or /dev. A file that is missing there may exist on the host. Returns false in a process that systemd did
 * not start.
 */
export function isOfUnitAlone(descriptor: number, path: string): boolean {
  if (!isUnderSystemd()) return false
  if (/^\/(dev|tmp|var\/tmp)(\/|$)/.test(path)) return true
  const mount = attempt(() => mountOf(descriptor))
  return mount !== undefined && mountLines().some(([id, , , , at]) => id === mount && at === '/')
}

/** The suffix of a mount's root in proc_pid_mountinfo(5), once it was removed, or replaced by rename(2). */
const DELETED = '//deleted'

/**
 * The paths of this process's mounts that were removed or replaced: it sees the old file, and not the one with
 * this name outside. Empty if that cannot be found out.
 */
function replacedPaths(): string[] {
  return mountLines().flatMap(([, , , root = '', path = '']) =>
    root.endsWith(DELETED) ? [path] : [],
  )
}

/** The fields of proc_pid_mountinfo(5), one array for each line. */
const mountLines = (): string[][] =>
  (attempt(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? '')
    .split('\n')
    .map((line) => line.split(' '))

/** Milliseconds between two checks. */
const LOOK_EVERY = 1_000

/**
 * Calls `end` once when a path that systemd has bound for this process is removed or replaced on the host.
 * For example useradd(8) replaces a list of users, and a restart may replace a directory of sockets. Only a
 * new process sees the replacement. `counts` selects the paths that matter. Does nothing in a process that
 * systemd did not start.
 */
export function whenReplaced(
  { NOTIFY_SOCKET }: NodeJS.ProcessEnv,
  end: (path: string) => void,
  counts: (path: string) => boolean = () => true,
): void {
  if (!NOTIFY_SOCKET) return
  const before = new Set(replacedPaths())
  const timer = setInterval(() => {
    const path = replacedPaths().find((candidate) => !before.has(candidate) && counts(candidate))
    if (path === undefined) return
    clearInterval(timer)
    end(path)
  }, LOOK_EVERY).unref()
}

import { existsSync, readFileSync } from 'node:fs'
import { attempt } from '../errors/fault.ts'
import { shellWord } from '../errors/shell-word.ts'

/** Places of the host that a unit of systemd binds into an empty root: systemd.exec(5), BindPaths=. */

/** Where systemd listens for sd_notify(3); our units bind it. */
const NOTIFY = '/run/systemd/notify'

/** Whether systemd runs on this host, as far as a process sees that in a unit with a root of its own. */
export const isUnderSystemd = (): boolean => existsSync(NOTIFY)

/** The remedy for a place that is not there for a service, or that it cannot write to. */
export function toBind(unit: string, place: string, isWritten = false): string {
  const line = `${isWritten ? 'BindPaths' : 'BindReadOnlyPaths'}=${shellWord(place)}`
  return `if it is there: "systemctl edit ${unit}" with ${line} in [Service], and restart it`
}

/** The suffix of a mount's root in proc_pid_mountinfo(5), once it was removed, or replaced by rename(2). */
const DELETED = '//deleted'

/**
 * The places of this process's mounts that were removed or replaced: it sees what was there before, and not
 * what has the name outside. Empty if that cannot be found out.
 */
function replacedPlaces(): string[] {
  const mounts = attempt(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? ''
  return mounts.split('\n').flatMap((line) => {
    const [, , , root = '', place = ''] = line.split(' ')
    return root.endsWith(DELETED) ? [place] : []
  })
}

/** Milliseconds between two looks. */
const LOOK_EACH = 1_000

/**
 * Calls `end` once when a place was removed or replaced outside that systemd has bound for this process, as a list
 * of users is by useradd(8) and a directory of sockets by some restarts: only a new start sees what is there now.
 * `counts` says which places do. Does nothing in a process that no unit starts.
 */
export function whenReplaced(
  { NOTIFY_SOCKET }: NodeJS.ProcessEnv,
  end: (place: string) => void,
  counts: (place: string) => boolean = () => true,
): void {
  if (!NOTIFY_SOCKET) return
  const before = new Set(replacedPlaces())
  const timer = setInterval(() => {
    const place = replacedPlaces().find((place) => !before.has(place) && counts(place))
    if (place === undefined) return
    clearInterval(timer)
    end(place)
  }, LOOK_EACH).unref()
}

import { closeSync, readdirSync, readFileSync } from 'node:fs'
import { O_CLOEXEC } from '../runtime/linux.ts'
import { loadSystem } from '../runtime/system.ts'

/**
 * Leaves behind what this process was started with and a child of another account would inherit: open
 * files beside the three standard ones, and the keys of the session (session-keyring(7)), which every
 * process below it may read. The keys stay if there is no addon (system.ts).
 */
export function leaveBehindForOthers(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2 && isInherited(fd)) closeSync(fd)
  }
  loadSystem()?.leaveSessionKeys()
}

/** Whether a descriptor is one that children get, proc(5): the runtime's own are closed at exec. */
function isInherited(fd: number): boolean {
  try {
    const [, flags = ''] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))!
    return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0
  } catch {
    return false // it was that of the directory, and is closed
  }
}

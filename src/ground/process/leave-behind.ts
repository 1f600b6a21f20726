import { closeSync, readdirSync, readFileSync } from 'node:fs'
import { loadFunctions } from '../runtime/c-functions.ts'
import { KEYCTL_JOIN_SESSION_KEYRING, O_CLOEXEC, SYS_keyctl } from '../runtime/linux.ts'

/**
 * Leaves behind what this process was started with and a child of another account would inherit: open
 * files beside the three standard ones, and the keys of the session (session-keyring(7)), which every
 * process below it may read. The keys stay where the runtime cannot call C (Node without koffi).
 */
export async function leaveBehindForOthers(): Promise<void> {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2 && isInherited(fd)) closeSync(fd)
  }
  const calls = await loadFunctions('syscall')
  calls?.syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0)
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

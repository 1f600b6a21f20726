import { readFileSync } from 'node:fs'
import { Fault } from '../../fault.ts'

/** capabilities(7): the one that lets a process read what it may not, and no more. */
const CAP_DAC_READ_SEARCH = 2

/**
 * Throws a Fault where the process may do more than read: strangers' words decide which
 * paths it looks at. `status` is the text of /proc/self/status.
 */
export function requireFewPrivileges(uid: number, status: string): void {
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  const more = held & ~(1n << BigInt(CAP_DAC_READ_SEARCH))
  if (uid !== 0 && more === 0n) return
  const who = uid === 0 ? 'root' : `a process with the capabilities ${more.toString(16)}`
  throw new Fault(
    'config',
    `runs as ${who}; start it as another user, with CAP_DAC_READ_SEARCH at most: onescan-quotad(8) shows how`,
  )
}

/** Of this process; where there is no /proc the uid alone tells. */
export function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1')
  } catch {
    return ''
  }
}

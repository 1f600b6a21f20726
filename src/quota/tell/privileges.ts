import { readFileSync } from 'node:fs'
import { Fault } from '../../ground/errors/fault.ts'

/** The capability to read every file and directory, and nothing else (capabilities(7)). */
const CAP_DAC_READ_SEARCH = 1n << 2n

/**
 * The sets that hold what a process may do or can allow itself (capabilities(7)). The inheritable
 * set is left out: it only matters for programs that are executed, and container runtimes have
 * filled it for every process.
 */
const CAPABILITY_SETS = ['CapPrm', 'CapEff', 'CapAmb']

/**
 * Throws a Fault if the process may do more than read, since names from strangers decide which
 * paths it opens. `status` is the text of /proc/self/status, or '' if there is none.
 */
export function requireFewPrivileges(uid: number, status: string): void {
  const held = CAPABILITY_SETS.reduce((all, name) => all | capabilitySet(name, status), 0n)
  const tooMany = held & ~CAP_DAC_READ_SEARCH
  if (uid !== 0 && tooMany === 0n) return
  const who = uid === 0 ? 'root' : `a process with capabilities (${tooMany.toString(16)})`
  throw new Fault(
    'config',
    `runs as ${who}; start it by setuidgid or User= as another user, with CAP_DAC_READ_SEARCH at most`,
  )
}

function capabilitySet(name: string, status: string): bigint {
  const [, digits = '0'] = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? []
  return BigInt(`0x${digits}`)
}

/** The text of /proc/self/status, or '' if there is none. */
export function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1')
  } catch {
    return '' // then the uid alone tells
  }
}

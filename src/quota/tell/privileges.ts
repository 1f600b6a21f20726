import { readFileSync } from 'node:fs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { passwdEntryOf } from '../../ground/process/passwd.ts'

/** capabilities(7): the one that lets a process read what it may not otherwise, and no more. */
const CAP_DAC_READ_SEARCH = 1n << 2n

/** As in the manual of Node; its types leave it out. */
const { initgroups } = process as unknown as { initgroups(user: string, group: number): void }

/**
 * Goes on as that user of passwd(5), with no capability at all. Throws a Fault if it
 * cannot.
 */
export function becomeUser(name: string): void {
  try {
    const entry = passwdEntryOf(name, readFileSync('/etc/passwd', 'latin1'))
    if (!entry || Number.isNaN(entry.uid + entry.gid)) {
      throw new Error('there is no such user; make it, or name another')
    }
    initgroups(name, entry.gid)
    process.setgid!(entry.gid)
    process.setuid!(entry.uid)
  } catch (error) {
    throw new Fault('config', `--user ${name}: ${errorText(error)}`, error)
  }
}

/**
 * What a process has or can give itself, capabilities(7): the effective set is a part of the
 * permitted one, and so is the ambient one. The inheritable set counts for a program that is
 * executed alone, and container runtimes have filled it for everybody.
 */
const CAPABILITY_SETS = ['CapPrm', 'CapEff', 'CapAmb']

/**
 * Throws a Fault if the process may do more than read: strangers' words decide which
 * paths it looks at. `status` is the text of /proc/self/status, or '' where there is none.
 */
export function requireFewPrivileges(uid: number, status: string): void {
  const held = CAPABILITY_SETS.reduce((all, name) => all | capabilitySet(name, status), 0n)
  const more = held & ~CAP_DAC_READ_SEARCH
  if (uid !== 0 && more === 0n) return
  const who = uid === 0 ? 'root' : `a process with capabilities (${more.toString(16)})`
  throw new Fault(
    'config',
    `runs as ${who}; name another user with --user, or give it CAP_DAC_READ_SEARCH at most`,
  )
}

function capabilitySet(name: string, status: string): bigint {
  const [, digits = '0'] = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? []
  return BigInt(`0x${digits}`)
}

/** The status of this process. */
export function ownStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1')
  } catch {
    return '' // then the uid alone tells
  }
}

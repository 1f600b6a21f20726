import { readFileSync } from 'node:fs'

/** An entry of passwd(5), in latin1. An id is NaN if it is not written as a number. */
interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/**
 * Yields the entries of a text in passwd(5) format, in order, by default the accounts of this host. Skips lines
 * without a name. Throws if this host has no such file, as in some containers.
 */
export function* passwdEntries(text = readPasswd()): Generator<PasswdEntry> {
  for (const line of text.split('\n')) {
    const entry = entryIn(line)
    if (entry !== undefined) yield entry
  }
}

/** Finds the first entry of that name, as getpwnam(3) does. Throws as passwdEntries() does. */
export function passwdEntryOf(name: string, text = readPasswd()): PasswdEntry | undefined {
  const line = text.split('\n').find((entry) => entry.startsWith(`${name}:`))
  return line === undefined ? undefined : entryIn(line)
}

const readPasswd = (): string => readFileSync('/etc/passwd', 'latin1')

/** Returns whether an account of this number is that of a person: login.defs(5) of Debian and of Red Hat. */
export const isPersonal = (uid: number): boolean => uid >= 1000 && uid <= 60_000

/** Returns the name of a user, by default of this host, or undefined if the user has none. */
export function userName(uid: number, text?: string): string | undefined {
  try {
    for (const entry of passwdEntries(text)) if (entry.uid === uid) return entry.name
  } catch {
    // There are no accounts: the number must suffice.
  }
  return undefined
}

function entryIn(line: string): PasswdEntry | undefined {
  const [name, , uid, gid, , home = ''] = line.split(':')
  return name ? { name, uid: numberIn(uid), gid: numberIn(gid), home } : undefined
}

function numberIn(text = ''): number {
  return /^[0-9]+$/.test(text) ? Number(text) : Number.NaN
}

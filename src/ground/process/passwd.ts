/** An entry of passwd(5), in latin1. An id is NaN if it is not written as a number. */
export interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/**
 * Yields the entries of a text in the form of passwd(5), in order. Leaves out lines without a name.
 */
export function* passwdEntries(text: string): Generator<PasswdEntry> {
  for (const line of text.split('\n')) {
    const entry = entryIn(line)
    if (entry !== undefined) yield entry
  }
}

/** Finds the first entry of that name, as getpwnam(3) does. */
export function passwdEntryOf(name: string, text: string): PasswdEntry | undefined {
  const line = text.split('\n').find((entry) => entry.startsWith(`${name}:`))
  return line === undefined ? undefined : entryIn(line)
}

function entryIn(line: string): PasswdEntry | undefined {
  const [name, , uid, gid, , home = ''] = line.split(':')
  return name ? { name, uid: numberIn(uid), gid: numberIn(gid), home } : undefined
}

function numberIn(text = ''): number {
  return /^[0-9]+$/.test(text) ? Number(text) : Number.NaN
}

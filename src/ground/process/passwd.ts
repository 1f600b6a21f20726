/** An entry of passwd(5), latin1. An id that is no number is NaN. */
export interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** The entries of a text in the form of passwd(5), in order. Lines without a name are left out. */
export function* passwdEntries(text: string): Generator<PasswdEntry> {
  for (const line of text.split('\n')) {
    const entry = entryIn(line)
    if (entry !== undefined) yield entry
  }
}

/** The first entry of that name, as getpwnam(3) finds it. */
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

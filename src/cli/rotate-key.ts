import { Fault } from '../lib/errors/fault.ts'
import { formatDay } from '../lib/text/units.ts'
import { isCurrent, type Key, parseKeyring } from '../scan/cluster/keyring.ts'

/** The comment above a key that every host must have before it signs. */
const NEXT = /^# next: (\S+)\n/m

/** Seconds that all hosts have to get the changed ring before the old key counts no more. */
const TIME_TO_COPY = 86_400

/** The result of a rotation. */
export interface Rotation {
  /** The new text of the ring. */
  readonly text: string
  readonly did: 'added' | 'signs'
  /** The new key. */
  readonly id: string
  /** The key that signed before. */
  readonly old: string
  /** With `signs`: the last day of the old key, YYYY-MM-DD in UTC. */
  readonly until: string | undefined
  /** The keys whose last day is past, and whose lines are removed. */
  readonly removed: readonly string[]
}

/**
 * Takes the next step from the signing key of a ring to a new one. Throws a Fault of kind `config` if no key
 * signs.
 *
 * 1. The first step adds the new key, which verifies. The comment `# next: ID` above it records that. 2. The
 * second step makes it the signing key, and gives the old key a last day: when no stamp of it is
 *    younger than `maxAge` seconds.
 *
 * Each step removes the keys whose last day is past. `make` returns a line with a new secret, of a key with
 * another id than these.
 */
export function rotateKey(
  ring: string,
  path: string,
  { now, maxAge }: { readonly now: Date; readonly maxAge: number },
  make: (ids: readonly string[]) => { readonly id: string; readonly line: string },
): Rotation {
  const seconds = now.getTime() / 1000
  const keys = parseKeyring(ring, path)
  const signer = keys.find((key) => isCurrent(key, seconds))
  if (signer === undefined) {
    throw new Fault('config', `${path}: has no key that signs; add one by onescan keygen --append`)
  }
  const old = keys.filter((key) => !isCurrent(key, seconds))
  const removed = old.map(({ id }) => id)
  const lines = withoutKeys(ring, old).replace(NEXT, '')
  const next = NEXT.exec(ring)?.[1]
  const waiting = keys.find((key) => key.id === next && key !== signer && isCurrent(key, seconds))
  if (waiting === undefined) {
    const { id, line } = make(keys.map((key) => key.id))
    const release = signer.mayRelease ? ':release' : ''
    const text = `${lines}# next: ${id}\n${line}${release}\n`
    return { text, did: 'added', id, old: signer.id, until: undefined, removed }
  }
  const lastDay = seconds + maxAge + TIME_TO_COPY
  const until = formatDay(lastDay * 1000)
  const own = lineOf(lines, waiting)
  const text = withoutKeys(lines, [waiting]).replace(lineOf(lines, signer), (line) => {
    return `${own}${dated(line, signer, until)}`
  })
  return { text, did: 'signs', id: waiting.id, old: signer.id, until, removed }
}

/** Returns the line of a key, with its end. A bare word is its own secret. */
function lineOf(ring: string, { id, secret }: Key): string {
  const lines = ring.split(/(?<=\n)/)
  const hasId = (line: string) => line.split(':')[1] === id
  const isBare = (line: string) => line.trimEnd() === secret.toString('latin1')
  return lines.find((line) => !line.startsWith('#') && (hasId(line) || isBare(line)))!
}

function withoutKeys(ring: string, keys: readonly Key[]): string {
  return keys.reduce((text, key) => text.replace(lineOf(text, key), ''), ring)
}

/** The line of a key with a last day, unless it has an earlier one. */
function dated(line: string, { scheme, id, secret, until, mayRelease }: Key, day: string): string {
  const text = line.includes(':') ? line.trimEnd().split(':')[2]! : secret.toString('latin1')
  const last = until !== undefined && until < day ? until : day
  return `${scheme}:${id}:${text}:until=${last}${mayRelease ? ':release' : ''}\n`
}

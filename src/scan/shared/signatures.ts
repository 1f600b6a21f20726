/**
 * What a scanner says of its signatures, one line: clamd's answer to VERSION
 * (`ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`), or any text that is another one where
 * they are. Two texts that are the same are the same signatures.
 */
export type SignatureVersion = string

/** Engine and number of ClamAV's own signatures; those of a site alone have no number. */
const CLAMAV = /^ClamAV (\d+(?:\.\d+)*)[^/]*\/(\d+)\//

/**
 * Whether signatures found out are known to be no older than others: the same text, or of
 * ClamAV by an engine and a number that are no lower. Where that cannot be told, no.
 */
export function areAtLeastAsNew(theirs: SignatureVersion, own: SignatureVersion): boolean {
  if (theirs === own) return true
  const [their, our] = [CLAMAV.exec(theirs), CLAMAV.exec(own)]
  if (!their || !our) return false
  return compareDotted(their[1]!, our[1]!) >= 0 && Number(their[2]) >= Number(our[2])
}

/** The number of ClamAV's own signatures that a clamd has loaded; undefined if it names none. */
export function databaseNumber(version: SignatureVersion | undefined): number | undefined {
  const number = CLAMAV.exec(version ?? '')?.[2]
  return number === undefined ? undefined : Number(number)
}

/** By number, part by part. */
function compareDotted(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** What the scanners of one message say, joined to one line and read back. */
export interface ScannerVersions {
  /** By the scanner's name; one without signatures is not among them. */
  readonly [scanner: string]: SignatureVersion
}

/** One line: `clamd=ClamAV 1.4.3/27600/…; other=…`, in the order of the names. */
export function joinVersions(versions: ScannerVersions): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name}=${version.replace(/[^ -:<-~]/g, '?')}`)
    .sort()
    .join('; ')
}

/** The same for all scanners of a line each: none is missing, none is more, none is older. */
export function areAllAtLeastAsNew(theirs: string, own: string): boolean {
  if (theirs === own) return true
  const [their, our] = [split(theirs), split(own)]
  if (their.size !== our.size) return false
  return [...our].every(([name, version]) => {
    const other = their.get(name)
    return other !== undefined && areAtLeastAsNew(other, version)
  })
}

function split(joined: string): Map<string, SignatureVersion> {
  if (joined === '') return new Map()
  return new Map(
    joined.split('; ').map((entry) => {
      const at = entry.indexOf('=')
      return [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
}

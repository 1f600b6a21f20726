// The version of a scanner's signatures is one line: clamd's answer to VERSION
// (`ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025`), or any text that changes when they change. Equal
// texts mean equal signatures.

/** The engine, and the number of ClamAV's own signatures. (A site's own signatures have no number.) */
const CLAMAV = /^ClamAV (\d+(?:\.\d+)*)[^/]*\/(\d+)\//

/**
 * Returns whether signatures are known to be no older than others: their texts are equal, or both are
 * ClamAV's and neither engine nor number is lower. Returns false if they cannot be compared.
 */
export function areAtLeastAsNew(theirs: string, own: string): boolean {
  if (theirs === own) return true
  const [, engine, number] = CLAMAV.exec(theirs) ?? []
  const [, ownEngine, ownNumber] = CLAMAV.exec(own) ?? []
  if (engine === undefined || ownEngine === undefined) return false
  return compareDotted(engine, ownEngine) >= 0 && Number(number) >= Number(ownNumber)
}

/** Returns the number of ClamAV's own signatures in clamd's answer, or undefined if there is none. */
export function databaseNumber(version: string | undefined): number | undefined {
  const number = CLAMAV.exec(version ?? '')?.[2]
  return number === undefined ? undefined : Number(number)
}

/** Compares dotted numbers part by part. */
function compareDotted(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, warning } from '../../lib/errors/finding.ts'
import { readForeignFile, readStart } from '../../lib/path/open.ts'

/** A database with fewer signatures belongs to a site, or is a broken download: ClamAV has millions. */
const A_HANDFUL = 10_000
/** The bytes of the header of a .cvd or .cld. */
const HEADER = 512
/** A text database of more bytes has enough signatures. */
const LARGE = 4 * 1024 * 1024

/** Warns if the database holds next to no signatures. A database that cannot be read gets no finding. */
export function checkCount(what: string, database: string): Finding[] {
  const count = signaturesIn(database)
  if (count === undefined || count >= A_HANDFUL) return []
  const some = count === 1 ? '1 signature' : `${count} signatures`
  const value = `only ${some} in ${database}: ClamAV has millions`
  return [warning(what, value, 'run freshclam, and check its log')]
}

/** Returns the number of signatures in a file or directory, or undefined if it cannot be read. */
export function signaturesIn(database: string): number | undefined {
  try {
    if (!statSync(database).isDirectory()) return countIn(database)
    const names = readdirSync(database).filter((name) =>
      /\.(cvd|cld|[hmnl]db|[hmn]du|[hm]sb|ldu|fp|cdb|crb|ign2?|yara?)$/.test(name),
    )
    return names.reduce((sum, name) => sum + countIn(join(database, name)), 0)
  } catch {
    return undefined
  }
}

/**
 * Returns the number in one file: from the header `ClamAV-VDB:date:version:signatures:…`. Otherwise, each
 * line is a signature.
 */
function countIn(file: string): number {
  if (/\.(cvd|cld)$/.test(file)) return Number(headerOf(file).split(':')[3] ?? 0) || 0
  if (/\.(fp|ign2?)$/.test(file)) return 0 // lists of exceptions
  if (statSync(file).size > LARGE) return A_HANDFUL
  return readForeignFile(file, LARGE)
    .toString('latin1')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#')).length
}

function headerOf(file: string): string {
  return readStart(file, HEADER).toString('latin1')
}

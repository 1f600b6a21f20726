import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Files that ClamAV loads signatures from. */
const DATABASE =
  /\.(?:c[vl]d|cud|[hmn]db|[hmn]du|[hm]sb|[hm]su|ldb|ldu|cdb|fp|sfp|ign2?|yara?|ftm|gdb|pdb|wdb|cbc|zmd|rmd|idb|crb|cfg)$/

/**
 * When the local virus signatures last changed, in unix seconds, by the newest file of
 * the database directory; undefined if there is none to be seen.
 */
export function signatureDate(directory: string): number | undefined {
  let newest: number | undefined
  try {
    for (const name of readdirSync(directory)) {
      if (!DATABASE.test(name)) continue
      const changed = Math.floor(statSync(join(directory, name)).mtimeMs / 1000)
      if (newest === undefined || changed > newest) newest = changed
    }
  } catch {
    return undefined
  }
  return newest
}

import { promises } from 'node:fs'
import { join } from 'node:path'

/** The names of files from which ClamAV loads signatures, in any case (CLI_DBEXT in libclamav/readdb.h). */
const DATABASE =
  /\.(?:c[vl]d|cud|s?db|[hmn]db|[hmn]du|[hm]sb|[hm]su|ldb|ldu|cdb|fp|sfp|ign2?|imp|ioc|pwdb|cat|yara?|ftm|gdb|pdb|wdb|cbc|zmd|rmd|idb|crb|cfg)$/i
/**
 * The names of files that ClamAV publishes and freshclam fetches together. The number of the daily file
 * represents all of them.
 */
const OFFICIAL = /^(?:main|daily|bytecode)\.(?:c[vl]d|cud)$/
const DAILY = /^daily\.c[vl]d$/

/**
 * Seconds after which all hosts use changed signatures. clamd checks for new ones every 600 seconds
 * (SelfCheck in clamd.conf(5)) and takes a while to load them. Hosts download them at about the same time.
 */
export const SETTLED_AFTER_SECONDS = 900

/** The virus signatures on this host. Times are unix seconds, as exact as those of files. */
export interface SignatureFiles {
  /** When a file last changed here. */
  readonly changed: number
  /** When ClamAV's own files last changed, and their number, by which clamd names what it has loaded. */
  readonly official?: { readonly changed: number; readonly number: number }
  /**
   * The time at which a file without such a number last changed, or was found to be missing: it may have been
   * a list of allowed files.
   */
  readonly others?: number
  /** The names and sizes of these files, by which it shows that hosts have different ones. */
  readonly own?: string
  /** Bytes of all files. */
  readonly size: number
  /** When the directory was read. */
  readonly seen: number
  /** The directory, if the signatures are in one of this host. */
  readonly directory?: string
}

/** Seconds by which the times of files may lag behind the clock: a step of the kernel's coarse clock. */
const CLOCK_STEP_SECONDS = 0.01

/**
 * Reads the directory of the virus signatures, in threads. Resolves to undefined if it has none, or cannot be
 * read. `now` is in milliseconds. `before` is the previous result, by which a missing file is noticed.
 */
export async function readSignatureFiles(
  directory: string,
  now: number,
  before?: SignatureFiles,
): Promise<SignatureFiles | undefined> {
  let official: number | undefined
  let number: number | undefined
  let others: number | undefined
  let size = 0
  let own = ''
  try {
    for (const name of (await promises.readdir(directory)).sort()) {
      if (!DATABASE.test(name)) continue
      const path = join(directory, name)
      const stats = await promises.stat(path)
      // A file that is copied here with its old time has changed here at the time of the copy.
      const changed = Math.max(stats.mtimeMs, stats.ctimeMs) / 1000 + CLOCK_STEP_SECONDS
      size += stats.size
      if (DAILY.test(name)) number = await numberOf(path)
      if (OFFICIAL.test(name)) official = latest(official, changed)
      else {
        others = latest(others, changed)
        own += `${name} ${stats.size}\n`
      }
    }
  } catch {
    return undefined
  }
  if (number === undefined) {
    others = latest(others, official)
    official = undefined
  }
  // A file that is gone has left no time: it is gone as of now. A time that was noticed before
  // stays.
  const noticed = before && ((before.own ?? '') === own ? before.others : now / 1000)
  if (noticed !== undefined && noticed <= now / 1000) others = latest(others, noticed)
  const changed = latest(official, others)
  if (changed === undefined) return undefined
  return {
    changed,
    size,
    seen: now / 1000,
    directory,
    ...(official !== undefined && { official: { changed: official, number: number! } }),
    ...(others !== undefined && { others }),
    ...(own !== '' && { own }),
  }
}

/** Returns the time at which all hosts use the newest signatures, unix seconds. */
export function settledDate(files: SignatureFiles | undefined): number | undefined {
  return files && files.changed + SETTLED_AFTER_SECONDS
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.max(a, b)
}

/** Reads the number of a file of ClamAV's, which begins with `ClamAV-VDB:time:number:`. */
async function numberOf(path: string): Promise<number | undefined> {
  const file = await promises.open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0)
    const digits = /^ClamAV-VDB:[^:]*:(\d{1,9}):/.exec(buffer.toString('latin1', 0, bytesRead))?.[1]
    return digits === undefined ? undefined : Number(digits)
  } finally {
    await file.close()
  }
}

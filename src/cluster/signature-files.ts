import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Files that ClamAV loads signatures from. */
const DATABASE =
  /\.(?:c[vl]d|cud|[hmn]db|[hmn]du|[hm]sb|[hm]su|ldb|ldu|cdb|fp|sfp|ign2?|yara?|ftm|gdb|pdb|wdb|cbc|zmd|rmd|idb|crb|cfg)$/
/**
 * Files that ClamAV makes and freshclam fetches together. The number of the daily file counts for
 * all of them.
 */
const OFFICIAL = /^(?:main|daily|bytecode)\.(?:c[vl]d|cud)$/
const DAILY = /^daily\.c[vl]d$/

/**
 * Seconds after which changed signatures are in use everywhere: clamd looks for new ones every 600
 * seconds (SelfCheck in clamd.conf(5)) and takes a while to load them; other hosts fetch theirs at
 * about the same time.
 */
export const SETTLED_AFTER = 900

/** Times are unix seconds, as exact as files tell them. */
export interface SignatureFiles {
  /** When any of them last changed here. */
  readonly changed: number
  /** The number of ClamAV's own files, by which clamd also names what it has loaded. */
  readonly official?: { readonly changed: number; readonly number: number }
  /** When the last of the files changed that have no such number. */
  readonly others?: number
  /** Bytes of all of them. */
  readonly size: number
  /** When the directory was read; later changes are not in this value. */
  readonly seen: number
}

/** Seconds by which the times of files may lag behind: a step of the kernel's coarse clock. */
const CLOCK_STEP = 0.01

/**
 * What lies in the directory of the local virus signatures; undefined if there is none to be seen.
 * `now` in milliseconds.
 */
export function readSignatureFiles(directory: string, now: number): SignatureFiles | undefined {
  let official: number | undefined
  let number: number | undefined
  let others: number | undefined
  let size = 0
  try {
    for (const name of readdirSync(directory)) {
      if (!DATABASE.test(name)) continue
      const path = join(directory, name)
      const stats = statSync(path)
      // A file that is copied here with its old time has changed here when it came.
      const changed = Math.max(stats.mtimeMs, stats.ctimeMs) / 1000 + CLOCK_STEP
      size += stats.size
      if (DAILY.test(name)) number = numberOf(path)
      if (OFFICIAL.test(name)) official = latest(official, changed)
      else others = latest(others, changed)
    }
  } catch {
    return undefined
  }
  if (number === undefined) {
    others = latest(others, official)
    official = undefined
  }
  const changed = latest(official, others)
  if (changed === undefined) return undefined
  return {
    changed,
    size,
    seen: now / 1000,
    ...(official !== undefined && { official: { changed: official, number: number! } }),
    ...(others !== undefined && { others }),
  }
}

/**
 * The moment that is noted for something that begins now, in whole unix seconds; `now` in
 * milliseconds.
 */
export function countedFrom(files: SignatureFiles | undefined, now: number): number {
  return Math.floor(Math.min(now / 1000, files?.seen ?? Number.POSITIVE_INFINITY))
}

/** When the last change is in use everywhere. */
export function settledDate(files: SignatureFiles | undefined): number | undefined {
  return files && files.changed + SETTLED_AFTER
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.max(a, b)
}

/** From the head of a file of ClamAV's: `ClamAV-VDB:time:number:...`, the time without a colon. */
function numberOf(path: string): number | undefined {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(512)
    const text = head.toString('latin1', 0, readSync(fd, head, 0, head.length, 0))
    const digits = /^ClamAV-VDB:[^:]*:(\d{1,9}):/.exec(text)?.[1]
    return digits === undefined ? undefined : Number(digits)
  } finally {
    closeSync(fd)
  }
}

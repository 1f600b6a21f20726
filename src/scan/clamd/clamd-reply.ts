import { replaceUnprintable } from '../../ground/errors/replace-unprintable.ts'
import { exceededLimit, type Limit } from '../shared/exceeded-limit.ts'

/**
 * Longest reply in bytes that is looked at, its NUL included. A path has at most
 * 4,096 bytes (PATH_MAX), a signature's name a few dozen.
 */
export const REPLY_MAX = 8 * 1024

/** The meaning of one reply of clamd; see clamd(8). `text` is printable ASCII, bounded. */
export type ClamdReply =
  | { readonly says: 'clean' }
  | { readonly says: 'infected'; readonly name: string }
  /** Over StreamMaxLength, or with AlertExceedsMax on over another limit: not scanned to the end. */
  | { readonly says: 'over'; readonly limit: Limit; readonly text: string }
  /** clamd may not look at this path (permissions, AppArmor, PrivateTmp, ExcludePath), or takes no descriptor. */
  | { readonly says: 'no-access'; readonly text: string }
  /** Everything else: ERROR, COMMAND READ TIMED OUT, nonsense, a reply that was cut. */
  | { readonly says: 'trouble'; readonly text: string }

/** What was to be scanned: the bytes after INSTREAM, the path after SCAN, what came with FILDES. */
export type Submission = 'stream' | 'path' | 'descriptor'

/** Before what clamd says of it. Paths may hold anything but NUL. */
const SUBMISSIONS: Readonly<Record<Submission, RegExp>> = {
  stream: /^stream: (.*)$/s,
  path: /^\/.*: (.*)$/s,
  descriptor: /^fd\[[0-9]+\]: (.*)$/s,
}

export interface ClamdReplyReader {
  /** Bytes so far. */
  readonly length: number
  /** Takes the next bytes, in any split; true when there is no need for more. */
  push(chunk: Buffer): boolean
  /** For `readReply`. */
  bytes(): Buffer
}

/** Gathers so many replies, up to the NUL of the last or to REPLY_MAX bytes for each without one. */
export function createClamdReplyReader(replies = 1): ClamdReplyReader {
  const kept: Buffer[] = []
  let length = 0
  let left = replies
  return {
    get length() {
      return length
    },
    push(chunk) {
      kept.push(chunk)
      length += chunk.length
      for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, at + 1)) left--
      return length >= REPLY_MAX * replies || left <= 0
    },
    bytes: () => Buffer.concat(kept),
  }
}

/**
 * Reads the bytes that clamd sent after a `z` command, up to its close at most.
 * The reply ends at the first NUL, whatever follows; without one it is trouble.
 * Only `stream: OK`, `/path: OK` for a path or `fd[9]: OK` for a descriptor, to the letter, is clean.
 */
export function readReply(received: Buffer, about: Submission): ClamdReply {
  const end = received.indexOf(0)
  if (end < 0 || end >= REPLY_MAX) {
    const what =
      end < 0 && received.length < REPLY_MAX ? 'a reply that was cut' : 'too long a reply'
    return { says: 'trouble', text: `${what}: "${shown(received)}"` }
  }
  const line = received.toString('latin1', 0, end)
  const [, rest = ''] = SUBMISSIONS[about].exec(line) ?? []
  const text = `"${shown(received.subarray(0, end))}"`

  if (rest === 'OK') return { says: 'clean' }
  const found = /^(\S+) FOUND$/.exec(rest)?.[1]
  if (found !== undefined) return readName(found, text)
  if (line === 'INSTREAM size limit exceeded. ERROR') return { says: 'over', limit: 'size', text }
  if (about === 'path' && NO_ACCESS.test(line)) return { says: 'no-access', text }
  if (about === 'descriptor' && (rest === '' || rest === NO_FILE))
    return { says: 'no-access', text }
  return { says: 'trouble', text }
}

/** What came with FILDES is no file that clamd scans: scanner.c. Without `fd[`: no descriptor came. */
const NO_FILE = 'Not a regular file ERROR'

/**
 * clamd 1.4: scanner.c and session.c write these, then for some the system's own
 * words ("File path check failure: Permission denied. ERROR").
 */
const NO_ACCESS =
  /: (?:(?:File path check failure|lstat\(\) failed|Access denied|Can't (?:open|access|read|get)|Not supported file type|Not a regular file).* ERROR|Excluded(?: \(another filesystem\))?)$/s

/** With ExtendedDetectionInfo the name is followed by (hash:size), which is not part of it. */
function readName(found: string, text: string): ClamdReply {
  const name = shown(Buffer.from(found.replace(/\([0-9A-Fa-f]+:[0-9]+\)$/, ''), 'latin1'))
  if (name === '') return { says: 'trouble', text }
  const limit = exceededLimit(name)
  if (limit === undefined) return { says: 'infected', name }
  return limit === 'other' ? { says: 'trouble', text } : { says: 'over', limit, text }
}

/** For a log line: at most 200 characters, bytes outside printable ASCII as `?`. */
function shown(bytes: Buffer): string {
  const text = replaceUnprintable(bytes.toString('latin1', 0, 200))
  return bytes.length > 200 ? `${text}...` : text
}

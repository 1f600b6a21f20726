import { replaceUnprintable } from '../../ground/errors/replace-unprintable.ts'
import { exceededLimit, type Limit } from '../shared/exceeded-limit.ts'

/**
 * Most bytes of a reply that are read, its NUL included. A path has at most 4,096 bytes (PATH_MAX), a
 * signature's name a few dozen.
 */
export const REPLY_MAX = 8 * 1024

/** The meaning of one reply of clamd; see clamd(8). `text` is printable ASCII of bounded length. */
export type ClamdReply =
  | { readonly says: 'clean' }
  | { readonly says: 'infected'; readonly name: string }
  /** The message was not scanned to the end: it is over StreamMaxLength or, with AlertExceedsMax, over another limit. */
  | { readonly says: 'over'; readonly limit: Limit; readonly text: string }
  /** clamd cannot open this path (permissions, AppArmor, PrivateTmp, ExcludePath), or takes no descriptor. */
  | { readonly says: 'no-access'; readonly text: string }
  /** Any other reply: ERROR, COMMAND READ TIMED OUT, nonsense, a reply that was cut. */
  | { readonly says: 'trouble'; readonly text: string }

/** The way in which clamd got the message: the bytes after INSTREAM, the path after SCAN, or a descriptor with FILDES. */
export type Submission = 'stream' | 'path' | 'descriptor'

/** The beginning of a reply, before the answer itself. A path may hold any byte but NUL. */
const SUBMISSIONS: Readonly<Record<Submission, RegExp>> = {
  stream: /^stream: (.*)$/s,
  path: /^\/.*: (.*)$/s,
  descriptor: /^fd\[[0-9]+\]: (.*)$/s,
}

/** Gathers the replies of clamd. */
export interface ClamdReplyReader {
  /** The bytes that have come so far. */
  readonly length: number
  /** Takes the next bytes, in any split. Returns whether all replies are there. */
  push(chunk: Buffer): boolean
  /** All bytes, for `readReply`. */
  bytes(): Buffer
}

/** Gathers so many replies: up to the NUL of the last one, or REPLY_MAX bytes for each. */
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
 * Reads one reply to a `z` command. The reply ends at the first NUL, whatever follows; without a NUL
 * it is trouble. Only `stream: OK`, `/path: OK` or `fd[9]: OK`, to the letter, is clean.
 */
export function readReply(received: Buffer, about: Submission): ClamdReply {
  const end = received.indexOf(0)
  if (end < 0 || end >= REPLY_MAX) {
    const what =
      end < 0 && received.length < REPLY_MAX ? 'a reply that was cut' : 'too long a reply'
    return { says: 'trouble', text: `${what}: "${quoted(received)}"` }
  }
  const line = received.toString('latin1', 0, end)
  const [, rest = ''] = SUBMISSIONS[about].exec(line) ?? []
  const text = `"${quoted(received.subarray(0, end))}"`

  if (rest === 'OK') return { says: 'clean' }
  const found = /^(\S+) FOUND$/.exec(rest)?.[1]
  if (found !== undefined) return readName(found, text)
  if (line === 'INSTREAM size limit exceeded. ERROR') return { says: 'over', limit: 'size', text }
  if (about === 'path' && NO_ACCESS.test(line)) return { says: 'no-access', text }
  if (about === 'descriptor' && (rest === '' || rest === NO_FILE))
    return { says: 'no-access', text }
  return { says: 'trouble', text }
}

/** clamd's answer if the descriptor is no regular file (scanner.c). */
const NO_FILE = 'Not a regular file ERROR'

/**
 * The answers of clamd 1.4 (scanner.c, session.c) if it cannot open a path. Some end in the system's
 * own words ("File path check failure: Permission denied. ERROR").
 */
const NO_ACCESS =
  /: (?:(?:File path check failure|lstat\(\) failed|Access denied|Can't (?:open|access|read|get)|Not supported file type|Not a regular file).* ERROR|Excluded(?: \(another filesystem\))?)$/s

/** Reads the name of what was found. With ExtendedDetectionInfo, `(hash:size)` follows the name. */
function readName(found: string, text: string): ClamdReply {
  const name = quoted(Buffer.from(found.replace(/\([0-9A-Fa-f]+:[0-9]+\)$/, ''), 'latin1'))
  if (name === '') return { says: 'trouble', text }
  const limit = exceededLimit(name)
  if (limit === undefined) return { says: 'infected', name }
  return limit === 'other' ? { says: 'trouble', text } : { says: 'over', limit, text }
}

/** The bytes for a log line: at most 200 characters, with `?` for each byte outside printable ASCII. */
function quoted(bytes: Buffer): string {
  const text = replaceUnprintable(bytes.toString('latin1', 0, 200))
  return bytes.length > 200 ? `${text}...` : text
}

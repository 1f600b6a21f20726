import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import { clamdWords } from '../../../protocol/clamd/write-reply.ts'
import { clean, type ScanResult, unknown, unread } from '../findings/scan-result.ts'
import { resultByName, withoutHash } from './clamav-names.ts'
import { resultOfOnescan } from './onescan-names.ts'

/** Upper limit, in bytes, for a reply, its NUL included. A signature's name has a few dozen. */
const CLAMD_REPLY_MAX = 8 * 1024

/**
 * The meaning of one reply of clamd (clamd(8)). Each `reason` quotes the reply, in printable ASCII of bounded
 * length. *Unread* is a content over StreamMaxLength or, with AlertExceedsMax, over another limit: a finding without a name
 * is one, too. *Unknown*
 * is any other reply: ERROR, COMMAND READ TIMED OUT, an invalid or a truncated reply.
 */
export type ClamdReply = ScanResult | NoAccess

/** clamd accepts no descriptor. */
export interface NoAccess {
  readonly answer: 'no access'
  readonly reason: string
}

/** The way in which clamd got the message: the bytes after INSTREAM, or a descriptor with FILDES. */
export type Transfer = 'stream' | 'descriptor'

/** The beginning of a reply, before the answer itself. */
const TRANSFERS: Readonly<Record<Transfer, RegExp>> = {
  stream: /^stream: (.*)$/s,
  descriptor: /^fd\[[0-9]+\]: (.*)$/s,
}

/** Gathers a given number of clamd's replies: up to the NUL of the last one, or CLAMD_REPLY_MAX bytes for each. */
export class ClamdReplyReader {
  readonly #kept: Buffer[] = []
  readonly #most: number
  #length = 0
  #left: number

  constructor(replies = 1) {
    this.#most = CLAMD_REPLY_MAX * replies
    this.#left = replies
  }

  /** Returns the bytes received until now. */
  received(): Buffer {
    return Buffer.concat(this.#kept)
  }

  /** Takes the next bytes, in any split. */
  push(chunk: Buffer): void {
    this.#kept.push(chunk)
    this.#length += chunk.length
    for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, at + 1)) this.#left--
  }

  /** Returns all bytes, if all replies are there. */
  whole(): Buffer | undefined {
    const isWhole = this.#length >= this.#most || this.#left <= 0
    return isWhole ? this.received() : undefined
  }
}

/**
 * Parses one reply to a `z` command. The reply ends at the first NUL, whatever follows. Without a NUL it is
 * *unknown*. Only exactly `stream: OK` or `fd[9]: OK` is clean.
 */
export function readReply(received: Buffer, transfer: Transfer): ClamdReply {
  const end = received.indexOf(0)
  if (end < 0 || end >= CLAMD_REPLY_MAX) {
    const what =
      end < 0 && received.length < CLAMD_REPLY_MAX ? 'a reply that was cut' : 'too long a reply'
    return unknown(`${what}: "${quoted(received)}"`)
  }
  const line = received.toString('latin1', 0, end)
  const [, rest = ''] = TRANSFERS[transfer].exec(line) ?? []
  const text = `"${quoted(received.subarray(0, end))}"`

  if (rest === clamdWords.clean) return clean
  const found = /^(?:(\S*) )?FOUND$/.exec(rest)
  if (found !== null) return readName(found[1] ?? '', text)
  if (line === clamdWords.streamTooLong) return unread('size', text)
  if (transfer === 'descriptor' && (rest === '' || rest === clamdWords.noRegularFile)) {
    return { answer: 'no access', reason: text }
  }
  return unknown(text)
}

/** Reads the name of what was found. */
function readName(found: string, text: string): ScanResult {
  const name = quoted(Buffer.from(withoutHash(found), 'latin1'))
  // clamd 0.105 and 1.0 report a file over a limit so.
  if (name === '' || name === '(null)') return unread('unpacked', text)
  return resultOfOnescan(name, text) ?? resultByName(name, text)
}

/** The bytes for a log line: at most 200 characters, with `?` for each byte outside printable ASCII. */
function quoted(bytes: Buffer): string {
  const text = replaceUnprintable(bytes.toString('latin1', 0, 200))
  return bytes.length > 200 ? `${text}...` : text
}

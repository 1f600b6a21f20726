import { CR, DASH, NUL, SPACE } from '../../../base/bytes/ascii.ts'
import { replaceUnprintable } from '../../../base/log/line-format.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import type { SmtpLine } from './smtp-lines.ts'
import { type BasicReply, DEFERRED, replyLines, temporaryStatus } from './smtp-syntax.ts'

/** Upper limit, in bytes, for one line of a server's reply; RFC 5321 4.5.3.1.5 has 512. */
export const REPLY_LINE_MAX = 4096
/** Bytes of all lines of a reply: enough for a thousand of ordinary length. */
const REPLY_MAX = 128 * 1024

/** A reply in its form on the wire. */
export interface RawReply {
  /** 200 to 599. */
  readonly code: number
  /** The lines with their codes, each ended by CRLF. */
  readonly bytes: Buffer
  /** The reply of the next server that this one replaces. */
  readonly insteadOf?: RawReply
}

const CRLF = Buffer.from('\r\n')

/** Reads the replies of a server: RFC 5321 4.2. */
export class SmtpReplyReader {
  #lines: Buffer[] = []
  #length = 0
  #code: number | undefined

  /**
   * Takes a line, and returns the reply if that was its last line. Throws a WireError if the line
   * belongs to no reply.
   */
  take(line: SmtpLine): RawReply | undefined {
    if (line.kind === 'too-long') {
      throw new WireError(`a reply with a line of over ${REPLY_LINE_MAX} bytes`)
    }
    const { bytes } = line
    const code = codeIn(bytes)
    if (code === undefined) throw new WireError(`no reply: "${shown(bytes)}"`)
    if (this.#code !== undefined && code !== this.#code) {
      throw new WireError(`a reply with codes ${this.#code} and ${code}`)
    }
    this.#code = code
    this.#length += bytes.length + CRLF.length
    if (this.#length > REPLY_MAX) throw new WireError(`a reply of over ${REPLY_MAX} bytes`)
    this.#lines.push(bytes, CRLF)
    if (bytes[3] === DASH) return undefined
    const reply = { code, bytes: Buffer.concat(this.#lines) }
    this.#lines = []
    this.#length = 0
    this.#code = undefined
    return reply
  }
}

/**
 * Returns the code of a line: three digits, then a blank, a dash or nothing. Returns undefined if
 * it has none.
 */
function codeIn(line: Buffer): number | undefined {
  if (line.length > 3 && line[3] !== SPACE && line[3] !== DASH) return undefined
  if (line.includes(CR) || line.includes(NUL)) return undefined // some would read two lines
  const digits = line.toString('latin1', 0, 3)
  return /^[2-5][0-9]{2}$/.test(digits) ? Number(digits) : undefined
}

function shown(line: Buffer): string {
  return replaceUnprintable(line.toString('latin1', 0, 60))
}

/** Returns the texts of a reply's lines, without codes. */
export function replyTexts({ bytes }: RawReply): string[] {
  const lines = bytes.toString('latin1').split('\r\n').slice(0, -1)
  return lines.map((line) => line.slice(4))
}

/**
 * Returns a refusal as one for now: 4xx stays, except 421, which would end the session. Anything
 * else becomes 451 with the same text, and with an enhanced code of the same class (RFC 3463).
 */
export function deferralOf(reply: RawReply): RawReply {
  if (reply.code < 500 && reply.code !== 421) return reply
  const text = reply.bytes.toString('latin1').replace(/^[0-9]{3}([ -]?)(.*)/gm, (...[, gap, rest]) => `${DEFERRED}${gap}${temporaryStatus(rest)}`) // biome-ignore format: a line
  return { code: DEFERRED, bytes: Buffer.from(text, 'latin1'), insteadOf: reply }
}

/** Characters of the text in a line of a reply of our own. */
const TEXT_MAX = 480

/** Returns a reply of our own, as it is sent. */
export function rawReply(reply: BasicReply): RawReply {
  const lines = replyLines(reply, TEXT_MAX).map((line) => `${line}\r\n`)
  return { code: reply.code, bytes: Buffer.from(lines.join(''), 'latin1') }
}

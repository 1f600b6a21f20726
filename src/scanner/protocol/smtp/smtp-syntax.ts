import { GREATER, LESS } from '../../../base/bytes/ascii.ts'
import { replaceUnprintable } from '../../../base/log/line-format.ts'

/** The argument of MAIL or RCPT: a path (RFC 5321 4.1.2) and its parameters. */
export interface SmtpPath {
  /** As sent by the client, with its angle brackets if it has them. */
  readonly path: Buffer
  /** `SIZE=1000`, `BODY=8BITMIME`, … */
  readonly parameters: readonly Buffer[]
}

/** Returns the address of a path: a view without the angle brackets. */
export function bareAddress(path: Buffer): Buffer {
  const isBracketed = path[0] === LESS && path[path.length - 1] === GREATER
  return isBracketed ? path.subarray(1, -1) : path
}

/**
 * Returns the bytes that the client announced for the message (RFC 1870), or undefined if it
 * announced none.
 */
export function announcedSize(parameters: readonly Buffer[]): number | undefined {
  for (const parameter of parameters) {
    const [, digits] = /^SIZE=([0-9]{1,15})$/i.exec(parameter.toString('latin1')) ?? []
    if (digits !== undefined) return Number(digits)
  }
  return undefined
}

/** Returns an IP address without the `IPv6:` that servers write before one (RFC 5321 4.1.3), in any case. */
export function plainAddress(text: string): string {
  return text.replace(/^IPv6:/i, '')
}

/** A reply to an SMTP client: RFC 5321 4.2. */
export interface SmtpReply {
  /** 200 to 599. */
  readonly code: number
  /** RFC 3463, of the same class. */
  readonly enhanced: string
  /** Text in one line or several, without codes. */
  readonly lines: readonly string[]
}

/** The code of a refusal that was made temporary. */
export const DEFERRED = 451

/** Returns a refusal as one for now. Any other reply stays. */
export function asDeferral({ code, enhanced, lines }: SmtpReply): SmtpReply {
  return { code: code < 500 ? code : DEFERRED, enhanced: temporaryStatus(enhanced), lines }
}

/** Returns `4.7.1` for `5.7.1`, also before a text: RFC 3463 has most codes in both classes. */
export const temporaryStatus = (enhanced: string): string => enhanced.replace(/^5(?=\.[0-9])/, '4')

/** A reply that may lack an enhanced code, as a greeting and the answer to EHLO do. */
export type BasicReply = Omit<SmtpReply, 'enhanced'> & Partial<SmtpReply>

/** Upper limit for the lines of a reply, that of smfi_setmlreply(3). */
const REPLY_LINES_MAX = 32

/**
 * Returns the lines of a reply with their codes and without line ends. Lines after REPLY_LINES_MAX
 * are dropped, and the text of each line is cut at `textMax` characters. A character that is not
 * printable ASCII becomes `?`, so that no text can forge a line.
 */
export function replyLines({ code, enhanced, lines }: BasicReply, textMax: number): string[] {
  const texts = lines.length > 0 ? lines.slice(0, REPLY_LINES_MAX) : ['']
  const status = enhanced === undefined ? '' : `${enhanced} `
  return texts.map((text, index) => {
    const mark = index < texts.length - 1 ? '-' : ' '
    return `${code}${mark}${status}${replaceUnprintable(text).slice(0, textMax)}`
  })
}

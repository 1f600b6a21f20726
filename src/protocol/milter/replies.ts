import { replyLines, type SmtpReply } from '../shared/reply-lines.ts'
import { WireError } from '../shared/wire-error.ts'
import { packet, strings } from './packets.ts'

/** Answers of a filter to a command. After `accepted` and `discarded` the message is over. */
export const continued = packet('c')
export const accepted = packet('a')
export const discarded = packet('d')
/** The MTA defers in its own words. */
export const deferred = packet('t')
/** Restarts the MTA's timeout; the answer comes later. */
export const progress = packet('p')

/** Characters of a line's text: MTAs rely on this limit of smfi_setmlreply(3). */
export const REPLY_TEXT_MAX = 980

/**
 * Returns the packet with a reply in the filter's own words. Each `%` is doubled, because MTAs
 * take the text for a format. Throws a WireError if MTAs would drop the reply for its codes.
 */
export function smtpReply(reply: SmtpReply): Buffer {
  const { code, enhanced } = reply
  const codeClass = Math.floor(code / 100)
  if (!/^[45]\.\d{1,3}\.\d{1,3}$/.test(enhanced) || Number(enhanced[0]) !== codeClass) {
    throw new WireError(`reply ${code} ${enhanced}: not of one class`)
  }
  const text = replyLines(reply, REPLY_TEXT_MAX).join('\r\n')
  return packet('y', strings(text.replaceAll('%', '%%')))
}

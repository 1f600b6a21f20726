import { replaceUnprintable } from '../../../base/log/line-format.ts'
import type { MailAddress } from '../../../base/text/address.ts'
import type { Grounds, Reply } from './reply.ts'

const refused = (enhanced: string, grounds: Grounds, text: string): Reply => ({
  class: 5,
  enhanced,
  text,
  grounds,
})

const deferred = (enhanced: string, grounds: Grounds, text: string): Reply => ({
  class: 4,
  enhanced,
  text,
  grounds,
})

/** Characters of an address in a reply, whose line has 512 in all (RFC 5321 4.5.3.1.5). */
const QUOTED_ADDRESS_MAX = 320

/**
 * The replies about mail and its recipients, beside those of replyFor(). Those about a session or
 * the host are in own-replies.ts.
 */
export const mailReply = {
  virus: (name: string) => refused('5.7.1', 'virus', `message refused: virus ${name}`),
  banned: (name: string) => refused('5.7.1', 'banned', `message refused: banned ${name}`),
  notScanned: deferred('4.7.1', 'unscanned', 'message could not be scanned, try again later'),
  byRule: refused('5.7.1', 'policy', 'refused by local policy'),
  overQuota: ({ text }: MailAddress) => {
    const shown = replaceUnprintable(text).slice(0, QUOTED_ADDRESS_MAX)
    return deferred('4.2.2', 'over-quota', `Quota exceeded for <${shown}>, try again later`)
  },
  overQuotaOfAll: deferred(
    '4.2.2',
    'over-quota',
    'Quota exceeded for all recipients, try again later',
  ),
  tooLarge: (most: number) =>
    refused('5.3.4', 'too-large', `message is larger than ${most} bytes, the limit of this server`),
  /** The text of Postfix with `smtpd_forbid_bare_newline = reject`. */
  bareNewline: (bare: string) => refused('5.5.2', 'bare-newline', `bare <${bare}> received`),
  hiddenDot: refused(
    '5.6.0',
    'bare-newline',
    'message refused: some servers would read a line in it as its end (SMTP smuggling)',
  ),
  tooManyHops: (hops: number) =>
    refused('5.4.6', 'too-many-hops', `too many hops: ${hops} Received fields, a mail loop`),
}

/**
 * Upper limit for the characters of a text of onescan, which may quote what was found: the slot's reply has 255
 * bytes (REPORT_MAX) with its codes.
 */
const TEXT_MAX = 200

/**
 * Returns the reply to mail that a setting refuses or defers. `reason` ends the sentence "message refused: ..."
 * and must not contain text that a sender chose. `status` is that of RFC 3463 without its class. Without it,
 * the reply is about the form of the message.
 */
export function replyFor(
  verb: 'refused' | 'deferred',
  grounds: Grounds,
  reason: string,
  status = '6.0',
): Reply {
  const text = `message ${verb}: ${reason}`.slice(0, TEXT_MAX)
  return verb === 'refused'
    ? refused(`5.${status}`, grounds, text)
    : deferred(`4.${status}`, grounds, text)
}

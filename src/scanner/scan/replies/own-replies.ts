import { NO_PROXY_PROTOCOL } from '../../../base/protocol/proxy-protocol.ts'
import { ADDRESS_MAX } from '../../../mail/message/envelope.ts'
import { type RawReply, rawReply } from '../../protocol/smtp/smtp-replies.ts'
import type { SmtpReply } from '../../protocol/smtp/smtp-syntax.ts'

/** Makes a reply in both forms: milters and the policy service send its parts, SMTP its bytes. */
function reply(code: number, enhanced: string, text: string): SmtpReply & RawReply {
  const parts = { code, enhanced, lines: [text] }
  return { ...parts, bytes: rawReply(parts).bytes }
}

const NEXT_SERVER_LOST = 'the next mail server sent no valid reply, try again later'
const PLAIN = 'write the recipient as <user@domain>, without comments, routes and escapes'

/** RFC 5321 4.2.1: the server is about to close the connection. */
export const CLOSING = 421

/**
 * The replies of doors about a session, a command or the host. Those about mail and its recipients are in
 * mail-replies.ts; all others come from the next server.
 */
export const ownReply = {
  ok: reply(250, '2.0.0', 'Ok'),
  bye: reply(221, '2.0.0', 'Bye'),
  startContent: rawReply({ code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] }),

  proxyProtocol: reply(554, '5.5.1', NO_PROXY_PROTOCOL),
  notACommand: reply(500, '5.5.2', 'not a command'),
  /** The reply of Postfix with `smtpd_forbid_bare_newline = reject`, before it hangs up. */
  bareLineFeed: reply(550, '5.5.2', 'bare <LF> received'),
  lineTooLong: reply(500, '5.5.2', 'the line is too long'),
  addressMissing: reply(501, '5.5.4', 'the address is missing'),
  dataHasArgument: reply(501, '5.5.4', 'DATA has no argument'),
  /** The reply of Postfix where BDAT is switched off, before it hangs up. */
  noChunks: reply(521, '5.5.1', 'BDAT was not offered'),
  notThroughHere: reply(502, '5.5.1', 'command not supported'),
  mailFirst: reply(503, '5.5.1', 'send MAIL first'),
  noRecipient: reply(554, '5.5.1', 'no valid recipients'),
  sentTooEarly: reply(554, '5.5.0', 'nothing may be sent before the reply to DATA'),

  notPlain: reply(501, '5.1.3', PLAIN),
  addressTooLong: reply(553, '5.1.0', `an address is longer than ${ADDRESS_MAX} bytes`),
  noRoomForRecipient: reply(452, '4.3.2', 'too many recipients for now, try again later'),
  fault: reply(451, '4.3.0', 'the message cannot be processed now, try again later'),
  /** RFC 3463: the connection to another server broke. */
  nextServerLost: reply(451, '4.4.2', NEXT_SERVER_LOST),
  nextServerGone: reply(CLOSING, '4.4.2', NEXT_SERVER_LOST),

  closingAfterError: reply(CLOSING, '4.3.0', 'closing the connection'),
  stopping: reply(CLOSING, '4.3.2', 'onescand is stopping, try again'),
  tooManyConnections: reply(CLOSING, '4.3.2', 'too many connections, try again'),
  madeRoom: reply(CLOSING, '4.3.2', 'no progress for too long, and others are waiting'),
  tooManyOfAddress: reply(
    CLOSING,
    '4.3.2',
    'too many connections from your address, and others are waiting',
  ),
  timedOut: reply(CLOSING, '4.4.2', 'timeout'),
  mayNotConnect: reply(554, '5.7.1', 'client not permitted'),
} as const

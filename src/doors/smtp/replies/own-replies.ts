import { type RawReply, rawReply } from '../../../protocol/smtp/smtp-replies.ts'
import type { SmtpReply } from '../../../protocol/smtp/smtp-syntax.ts'
import { NO_ROOM } from '../../replies/smtp-reply.ts'

const reply = (code: number, enhanced: string, text: string): RawReply =>
  rawReply({ code, enhanced, lines: [text] })

/** RFC 3463: the connection to another server broke. */
export const NEXT_SERVER_LOST: SmtpReply = {
  code: 451,
  enhanced: '4.4.2',
  lines: ['the next mail server gave no valid answer, try again later'],
}

/** RFC 5321 4.2.1: the server is about to close the connection. */
export const CLOSING = 421

/** The replies that the interface gives itself; all others come from the next server. */
export const ownReply = {
  ok: reply(250, '2.0.0', 'Ok'),
  bye: reply(221, '2.0.0', 'Bye'),
  startContent: rawReply({ code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] }),

  notACommand: reply(500, '5.5.2', 'not a command'),
  /** The reply of Postfix with `smtpd_forbid_bare_newline = reject`, before it hangs up. */
  bareLineFeed: reply(550, '5.5.2', 'bare <LF> received'),
  lineTooLong: reply(500, '5.5.2', 'the line is too long'),
  addressMissing: reply(501, '5.5.4', 'the address is missing'),
  dataHasArgument: reply(501, '5.5.4', 'DATA has no argument'),
  /** The reply of Postfix where BDAT is switched off, before it hangs up. */
  noChunks: reply(521, '5.5.1', 'BDAT was not offered'),
  notThroughHere: reply(502, '5.5.1', 'command not supported'),
  mailFirst: reply(503, '5.5.1', 'MAIL comes first'),
  noRecipient: reply(554, '5.5.1', 'no valid recipients'),
  sentTooEarly: reply(554, '5.5.0', 'nothing may be sent before the reply to DATA'),

  noRoomForRecipient: rawReply(NO_ROOM),
  nextServerLost: rawReply(NEXT_SERVER_LOST),
  nextServerGone: rawReply({ ...NEXT_SERVER_LOST, code: CLOSING }),

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

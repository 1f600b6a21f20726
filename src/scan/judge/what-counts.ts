import { isCertainlyMail } from '../../mail/message/certain-mail.ts'
import type { Message } from '../../mail/message/message.ts'
import type { JudgeConfig } from './config.ts'

/** How a message is treated, by the address at which it arrived. */
export interface WhatCounts {
  /** Whether the received bytes are scanned first, unchanged: the client may use them as a file. */
  readonly asSent: boolean
  /** Whether stamps are trusted, a release lets the message in, and a cached verdict about a copy applies. */
  readonly asMail: boolean
  /** Whether it is kept out if it contains more than is read. */
  readonly limits: boolean
}

/**
 * Returns how a message is treated. Stamps, releases and cached verdicts state how mail programs read a
 * message. They do not apply to a client that uses the bytes as a file. So where clients submit files,
 * scanners always receive the bytes, and reading them as a mail can only add findings.
 */
export function whatCounts(
  { header }: Pick<Message, 'header'>,
  { answersAbout }: JudgeConfig,
): WhatCounts {
  if (answersAbout === undefined) return { asSent: false, asMail: true, limits: true }
  if (answersAbout === 'mails') return { asSent: true, asMail: true, limits: true }
  return { asSent: true, asMail: false, limits: isCertainlyMail(header) }
}

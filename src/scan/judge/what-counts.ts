import { isCertainlyMail } from '../../mail/message/certain-mail.ts'
import type { Message } from '../../mail/message/message.ts'
import type { JudgeConfig } from './config.ts'

/** What counts about a message, by the address at which it came. */
export interface WhatCounts {
  /** Whether the bytes are scanned as they came, first: the client may use them as a file. */
  readonly asSent: boolean
  /** Whether stamps vouch for it, a release lets it in, and the verdict about a copy is its own. */
  readonly asMail: boolean
  /** Whether it is kept out if more is in it than is looked at. */
  readonly limits: boolean
}

/**
 * Returns what counts about a message. Everything that vouches for mail vouches for what mail programs make of
 * it, and for nobody who uses the bytes as a file. So where files are asked about, scanners always get the
 * bytes, and reading these as a mail can only add to what is found.
 */
export function whatCounts(
  { header }: Pick<Message, 'header'>,
  { answersAbout }: JudgeConfig,
): WhatCounts {
  if (answersAbout === undefined) return { asSent: false, asMail: true, limits: true }
  if (answersAbout === 'mails') return { asSent: true, asMail: true, limits: true }
  return { asSent: true, asMail: false, limits: isCertainlyMail(header) }
}

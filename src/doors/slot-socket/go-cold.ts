import type { Decision } from '../../judge/decision.ts'
import type { Envelope } from '../../message/envelope/envelope.ts'

/**
 * Says that the client must judge this message itself, and why, in one line for its log. Whatever
 * the daemon cannot or may not answer ends this way. It says nothing about the mail.
 */
export class GoCold extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'GoCold'
  }
}

/** The sender of mail that cannot even be bounced: qmail-send(8). */
const DOUBLE_BOUNCE = '#@[]'

/**
 * Throws GoCold if the mail would be refused and may be a bounce of qmail-send's. Such a bounce
 * (its sender is empty, or #@[] if it cannot be bounced either) is tagged where other mail is
 * refused, and accepted if its recipient is over quota. Only the cold program knows by its user
 * whether it was called by qmail-send. Mail with a TCPREMOTEIP came from a server, and not from
 * qmail-send.
 */
export function leaveBouncesToTheCold(
  decision: Decision,
  { sender }: Envelope,
  remote: string | undefined,
): void {
  if (!('reply' in decision)) return
  const { grounds } = decision.reply
  if (grounds !== 'virus' && grounds !== 'banned' && grounds !== 'over-quota') return
  const isBounce = sender.text === '' || sender.text === DOUBLE_BOUNCE
  if (isBounce && remote === undefined) throw new GoCold("perhaps qmail-send's own bounce")
}

import type { Decision } from '../../judge/decision.ts'
import type { Envelope } from '../../message/envelope/envelope.ts'

/**
 * Why the client must judge this message itself, in one line for its log. Not an error of
 * the mail: whatever the daemon cannot or may not answer ends this way.
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
 * Mail of qmail-send (an empty sender, or #@[] for mail that cannot be bounced either) is
 * tagged if other mail is refused, and accepted if its recipient is over quota. Only the cold
 * program can tell by its user whether it is qmail-send's; mail that a server accepted has its
 * TCPREMOTEIP.
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

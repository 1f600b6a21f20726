import { readdirSync } from 'node:fs'
import type { Test } from 'tap'
import { type Passage, type Sent, textOfReply } from '../../cases/play.ts'
import type { Offer } from './mta.ts'
import { openMilter } from './rig.ts'

/** Hands a case's mail to a milter of its own, as an MTA that offers this does. */
export async function sendByMilter(t: Test, sent: Sent, offer: Offer): Promise<Passage> {
  const { message, sender, recipients } = sent
  const { RELAYCLIENT, ...settings } = sent.settings
  const milter = await openMilter(t, settings)
  const authenticated = RELAYCLIENT === undefined ? '' : 'alice'
  const got = await milter.submit({ message, sender, recipients, authenticated }, offer)
  return {
    outcome: got.outcome,
    text: textOfReply(got.reply),
    log: milter.mailLog.join(''),
    left: [...readdirSync(milter.directory).filter((name) => name !== 's'), ...milter.log],
    ...(got.outcome === 'delivered' && {
      delivery: { sender, recipients: got.recipients, message: got.message },
    }),
  }
}

import { readdirSync } from 'node:fs'
import type { Test } from 'tap'
import { bytes } from '../../../cases/case.ts'
import { type Passage, type Sent, textOfReply } from '../../../cases/play.ts'
import { call, type Offer } from './mta.ts'
import { type OpenMilter, openMilter } from './rig.ts'
import { submitAsStalwart } from './stalwart.ts'
import type { Delivery } from './submit.ts'

/** Hands a case's mail to a milter of its own, as an MTA that offers this does. */
export function sendByMilter(t: Test, sent: Sent, offer: Offer): Promise<Passage> {
  return send(t, sent, (milter, mail) => milter.submit(mail, offer))
}

/** The same as Stalwart does, whose mail goes out with the line ends with which it came in. */
export function sendByStalwart(t: Test, sent: Sent): Promise<Passage> {
  return send(t, sent, async (milter, { authenticated, ...mail }) => {
    const line = await call(milter.socket)
    const login = authenticated === '' ? {} : { authenticated }
    const got = await submitAsStalwart(line, { ...mail, ...login })
    await line.close()
    if (sent.message.includes('\r\n')) return got
    return { ...got, message: bytes(got.message.toString('latin1').replaceAll('\r\n', '\n')) }
  })
}

async function send(
  t: Test,
  sent: Sent,
  submit: (
    milter: OpenMilter,
    mail: Omit<Sent, 'settings'> & { readonly authenticated: string },
  ) => Promise<Delivery>,
): Promise<Passage> {
  const { message, sender, recipients } = sent
  const { RELAYCLIENT, ...settings } = sent.settings
  const milter = await openMilter(t, settings)
  const authenticated = RELAYCLIENT === undefined ? '' : 'alice'
  const got = await submit(milter, { message, sender, recipients, authenticated })
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

import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { bytes } from '../../../cases/case.ts'
import type { Passage, Sent } from '../../../cases/play.ts'
import { runSlot, type SlotRun, type SlotSetup } from './slot.ts'

/** Hands a case's mail to a program in the slot, as qmail-smtpd does. */
export async function sendToSlot(
  { message, sender, recipients, settings }: Sent,
  setup: SlotSetup,
): Promise<Passage> {
  const run = await runSlot({
    ...setup,
    message,
    envelope: makeEnvelope(bytes(sender), recipients.map(bytes)).wire,
    errorFd: 6,
    settings: { ERROR_FD: '6', ...settings, ...setup.settings },
  })
  const [delivery] = run.deliveries
  return {
    outcome: outcomeOf(run),
    text: run.errorText.toString('latin1'),
    log: run.logged,
    left: run.left,
    ...(delivery && { delivery }),
  }
}

function outcomeOf({ code, deliveries, errorText }: SlotRun): string {
  if (code === 0) return deliveries.length === 1 ? 'delivered' : 'dropped'
  if (deliveries.length > 0) return `code ${code}, and yet delivered`
  if (code === 82) return errorText[0] === 0x44 ? 'refused' : 'deferred'
  return `code ${code}`
}

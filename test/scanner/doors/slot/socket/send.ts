import { readdirSync } from 'node:fs'
import type { Test } from 'tap'
import { EnvelopeReader, makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import { bytes } from '../../../../cases/case.ts'
import type { Passage, Sent } from '../../../../cases/play.ts'
import type { Outcome } from './client.ts'
import { openSlot } from './rig.ts'

/**
 * Hands a case's mail to a slot socket of its own, whose daemon has those settings that are its own.
 * What comes out is what a client gets that carries out answers by the letter.
 */
export async function sendToSocket(
  t: Test,
  { settings, sender, recipients, message }: Sent,
  isDaemons: (name: string) => boolean,
): Promise<Passage> {
  const own = Object.entries(settings).filter(([name]) => isDaemons(name))
  const slot = await openSlot(t, Object.fromEntries(own))
  const got = await slot.ask({
    variables: { ERROR_FD: '6', ...settings },
    takesReply: true,
    envelope: makeEnvelope(bytes(sender), recipients.map(bytes)).wire,
    message,
  })
  return {
    outcome: outcomeOf(got),
    text: got.text,
    log: got.log,
    left: [...readdirSync(slot.directory).filter((name) => name !== 's'), ...slot.log],
    ...(got.does === 'hand on' && {
      delivery: { ...readEnvelope(got.envelope), message: got.message },
    }),
  }
}

function readEnvelope(wire: Buffer) {
  const reader = new EnvelopeReader()
  reader.push(wire)
  const envelope = reader.finish()
  return {
    sender: envelope.sender.text,
    recipients: [...envelope.recipients].map(({ text }) => text),
  }
}

export function outcomeOf({ does, code, text, reason }: Outcome): string {
  if (does === 'hand on') return 'delivered'
  if (does === 'go standalone') return `standalone: ${reason}`
  if (code === 0) return 'dropped'
  if (code === 82) return text.startsWith('D') ? 'refused' : 'deferred'
  return `code ${code}`
}

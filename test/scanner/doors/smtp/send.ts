import { readdirSync } from 'node:fs'
import type { Test } from 'tap'
import { type Passage, type Sent, textOfReply } from '../../../cases/play.ts'
import { startNext } from './next-server.ts'
import { openDoor } from './rig.ts'

/** Sends a case's mail to an SMTP door of its own, as a mail server does. */
export async function sendBySmtp(t: Test, sent: Sent): Promise<Passage> {
  const { RELAYCLIENT, ...settings } = sent.settings
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings })
  const relayed = RELAYCLIENT === undefined ? [] : ['XFORWARD SOURCE=LOCAL']
  const recipients = sent.recipients.map((to) => `RCPT TO:<${to}>`)
  const client = await door.greeted(...relayed, `MAIL FROM:<${sent.sender}>`, ...recipients, 'DATA')
  client.write(onTheWire(sent.message))
  const reply = (await client.hear())!
  const [got] = next.got
  return {
    outcome: outcomeOf(reply, got !== undefined),
    text: textOfReply(reply),
    log: door.mailLog.join(''),
    left: [...readdirSync(door.directory), ...door.log],
    ...(got && { delivery: { ...got, message: asBefore(got.content, sent.message) } }),
  }
}

const inLf = (message: Buffer) => !message.includes('\r\n')

/** Mail in LF goes in CRLF, as other mail does already; at the end there is CRLF. */
export function onTheWire(message: Buffer): Buffer {
  const text = message.toString('latin1')
  const lines = inLf(message) ? text.replaceAll('\n', '\r\n') : text
  const whole = lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`
  return Buffer.from(`${whole.replace(/(^|\r\n)\./g, '$1..')}.\r\n`, 'latin1')
}

function asBefore(content: Buffer, sent: Buffer): Buffer {
  if (!inLf(sent)) return content
  return Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}

export function outcomeOf(reply: string, isBehind: boolean) {
  if (reply.startsWith('2')) return isBehind ? 'delivered' : 'dropped'
  if (isBehind) return `behind, although the reply is ${reply}`
  return reply.startsWith('4') ? 'deferred' : 'refused'
}

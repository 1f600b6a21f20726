import { Fault } from '../../ground/errors/fault.ts'
import type { Decision } from '../../judge/decision.ts'
import { replyOf } from '../shared/replies/smtp-reply.ts'
import { callNextServer } from './next-server.ts'
import { type RawReply, rawReply, replyTexts } from './wire/replies.ts'
import { createStuffing } from './wire/stuffing.ts'

/**
 * Returns the reply to a trial, which is never handed on: the tag that mail would get, or the
 * refusal.
 */
export function trialReply(decision: Decision | undefined): RawReply {
  switch (decision?.kind) {
    case undefined:
      return okWith('unscanned')
    case 'accept':
      return okWith(decision.edits.add.find(({ name }) => name === 'X-QHPSI')?.value ?? 'unscanned')
    case 'discard':
    case 'quarantine':
    case 'split': // a trial has one recipient
      return okWith('virus found')
    case 'reject':
    case 'defer':
      return rawReply(replyOf(decision.reply))
  }
}

const okWith = (what: string) => rawReply({ code: 250, enhanced: '2.0.0', lines: [what] })

/** A trial and the door that it is sent through. */
export interface SmtpTrial {
  readonly server: Parameters<typeof callNextServer>[0]
  /**
   * A sender that the door knows as that of a trial: mail of any other sender would be delivered.
   */
  readonly sender: string
  readonly recipient: string
  /** The message; its lines end in LF. */
  readonly message: Buffer
  /** Milliseconds that each command may take. */
  readonly timeout: number
}

/**
 * Sends a trial through an SMTP or LMTP door, and resolves to the reply to its content. Rejects
 * with a Fault of kind `chain` if the door refuses a command before that, or does not answer.
 */
export async function sendTrial({
  server,
  sender,
  recipient,
  message,
  timeout,
}: SmtpTrial): Promise<{
  readonly code: number
  readonly text: string
}> {
  const [connection, command, data, block, end] = new Array(5).fill(timeout)
  const door = await callNextServer(server, { connection, command, data, block, end })
  const expect = (reply: RawReply, code: number, to: string) => {
    if (reply.code !== code) throw new Fault('chain', `answers ${shown(reply)} to ${to}`)
  }
  try {
    // Without EHLO, because the door would pass that on to the next server, and log it if it fails.
    expect(await door.ask(`MAIL FROM:<${sender}>`), 250, 'MAIL')
    expect(await door.ask(`RCPT TO:<${recipient}>`), 250, 'RCPT')
    expect(await door.startData(), 354, 'DATA')
    const stuffing = createStuffing('lf')
    const reply = await door.endData([stuffing.push(message), stuffing.finish()])
    const [text = ''] = replyTexts(reply)
    await door.ask('QUIT').catch(() => {})
    return { code: reply.code, text: text.replace(/^[245]\.\d+\.\d+ /, '') }
  } finally {
    door.close()
  }
}

const shown = (reply: RawReply) => `${reply.code} ${replyTexts(reply).join(' ')}`

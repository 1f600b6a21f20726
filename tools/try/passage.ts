import { join } from 'node:path'
import { parseLogLine } from '../../src/scanner/log/parsed-line.ts'
import { callSlot } from '../../test/stand-in/smtpd/call-slot.ts'
import { replyToClient } from '../../test/stand-in/smtpd/smtp-reply.ts'
import { type Delivery, deliveries } from '../../test/stand-in/stand-in.ts'
import type { Host } from './hosts.ts'

const slot = join(import.meta.dirname, '../../bin/onescan-queue')

/** Milliseconds after which a slot that hangs is killed; its own deadline for scanners is earlier. */
const TIMEOUT = 60_000

export const sender = 'sender@example.net'
export const recipients = ['ben@example.org', 'ops@example.org']
const envelope = Buffer.from(`F${sender}\0${recipients.map((to) => `T${to}\0`).join('')}\0`)

/** One message through the slot of one host. */
export interface Passage {
  readonly sent: Buffer
  /** The line that qmail-smtpd's client gets, without its CRLF. */
  readonly reply: string
  /** Milliseconds, the stand-in qmail-queue's included. */
  readonly time: number
  /** What the slot wrote into its log about the message, by key. */
  readonly log: ReadonlyMap<string, string>
  /** Undefined where nothing came into the Maildir. */
  readonly delivery: Delivery | undefined
}

/** As notqmail's qmail-smtpd on that host: error pipe on fd 6, which ERROR_FD may name or not. */
export async function send(
  host: Host,
  message: Buffer,
  settings: Readonly<Record<string, string>> = {},
): Promise<Passage> {
  const known = new Set(deliveries(host.maildir).map(({ name }) => name))
  const outcome = await callSlot({
    program: [slot],
    message,
    envelope,
    environment: { ...host.environment, ...settings },
    errorFd: 6,
    timeout: TIMEOUT,
  })
  return {
    sent: message,
    reply: replyToClient(outcome),
    time: outcome.time,
    log: readLog(outcome.log.toString('latin1')),
    delivery: deliveries(host.maildir).find(({ name }) => !known.has(name)),
  }
}

/** The fields of the slot's log line; all of fd 2 as the reason where there is none. */
function readLog(text: string): ReadonlyMap<string, string> {
  const line = text.split('\n').find((candidate) => candidate.startsWith('onescan: '))
  if (line === undefined) return new Map([['reason', text.trim()]])
  return parseLogLine(line, 0)!.fields
}

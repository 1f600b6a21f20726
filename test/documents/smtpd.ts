import { callSlot } from '../stand-in/smtpd/call-slot.ts'
import { replyToClient } from '../stand-in/smtpd/smtp-reply.ts'

/**
 * A stand-in for qmail-smtpd under tcpserver: the client sends a message to the end
 * of its stream and gets the one line that qmail-smtpd would answer. What is in
 * the slot is what QMAILQUEUE names, as with the real one.
 */

const message: Buffer[] = []
for await (const chunk of process.stdin) message.push(chunk as Buffer)

const outcome = await callSlot({
  program: [process.env.QMAILQUEUE ?? '/var/qmail/bin/qmail-queue'],
  message: Buffer.concat(message),
  envelope: Buffer.from('Fann@example.org\0Tben@example.org\0\0'),
  environment: process.env,
  errorFd: 6,
})
process.stdout.end(`${replyToClient(outcome)}\n`)

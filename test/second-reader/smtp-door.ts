import type { RunningDaemon } from '../doors/daemon/process.ts'
import { callDoor } from '../doors/smtp/client.ts'
import type { Got, RunningNext } from '../doors/smtp/next-server.ts'
import { overSmtp } from './mta-queue.ts'
import { type Door, linesByQueueId, type Passage, type Variant } from './passage.ts'

/** Where a daemon takes mail by SMTP. */
export interface SmtpDaemon {
  readonly daemon: RunningDaemon
  readonly port: number
}

/** A connection for each message; the line of the log is found by the queue id that XFORWARD tells. */
export function smtpDoor(daemons: Readonly<Record<Variant, SmtpDaemon>>, next: RunningNext): Door {
  const logged = linesByQueueId(daemons)
  const recipientOf = (id: string) => `${id}@example.org`
  const contentFor = (id: string): Buffer | undefined => {
    const index = next.got.findIndex(({ recipients }) => recipients[0] === recipientOf(id))
    return index < 0 ? undefined : (next.got as Got[]).splice(index, 1)[0]!.content
  }
  let count = 0
  return {
    name: 'smtp',
    async send(message, variant) {
      const id = `S${count++}`
      const line = logged(id)
      const came = overSmtp(message.toString('latin1'))
      const client = await callDoor(daemons[variant].port)
      await client.hear()
      await client.say('EHLO client.example.org')
      await client.say(`XFORWARD IDENT=${id}`)
      await client.say('MAIL FROM:<a@example.org>')
      await client.say(`RCPT TO:<${recipientOf(id)}>`)
      await client.say('DATA')
      const wire = came.replace(/(^|\n)\./g, '$1..').replaceAll('\n', '\r\n')
      client.write(Buffer.from(`${wire}.\r\n`, 'latin1'))
      const reply = (await client.hear()) ?? ''
      await client.say('QUIT')
      await client.close()
      const content = contentFor(id)
      const left =
        content && Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
      const passage = { log: await line, came: Buffer.from(came, 'latin1'), left }
      return { ...passage, outcome: outcomeOf(reply, left) }
    },
  }
}

function outcomeOf(reply: string, left: Buffer | undefined): Passage['outcome'] {
  if (!reply.startsWith('2') && left !== undefined) throw new Error(`${reply}, and it is behind`)
  if (reply.startsWith('2')) return left === undefined ? 'dropped' : 'passed'
  return reply.startsWith('5') ? 'refused' : 'deferred'
}

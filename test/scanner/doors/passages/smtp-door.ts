import type { RunningDaemon } from '../../daemon/process.ts'
import { callDoor } from '../smtp/client.ts'
import type { Got, RunningNext } from '../smtp/next-server.ts'
import { overSmtp } from './mta-queue.ts'
import { type Door, linesByQueueId, type Passage } from './passage.ts'

/**
 * A daemon that takes mail by SMTP at that port. A connection for each message; the line of the log is
 * found by the queue id in XFORWARD.
 */
export function smtpDoor(daemon: RunningDaemon, port: number, next: RunningNext): Door {
  const logged = linesByQueueId(daemon)
  let count = 0
  return {
    name: 'smtp',
    async send(message) {
      const id = `S${port}x${count++}`
      const line = logged(id)
      const came = overSmtp(message.toString('latin1'))
      const client = await callDoor(port)
      await client.hear()
      await client.command('EHLO client.example.org', `XFORWARD IDENT=${id}`)
      await client.command('MAIL FROM:<a@example.org>', `RCPT TO:<${id}@example.org>`, 'DATA')
      const wire = came.replace(/(^|\n)\./g, '$1..').replaceAll('\n', '\r\n')
      client.write(`${wire}.\r\n`)
      const reply = (await client.hear()) ?? ''
      await client.command('QUIT')
      await client.close()
      const index = next.got.findIndex(({ recipients: [to] }) => to === `${id}@example.org`)
      const got = index < 0 ? undefined : (next.got as Got[]).splice(index, 1)[0]
      const left =
        got && Buffer.from(got.content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
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

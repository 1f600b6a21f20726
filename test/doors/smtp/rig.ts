import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Configuration, readConfiguration } from '../../../src/doors/shared/configuration.ts'
import type { Door } from '../../../src/doors/shared/serve.ts'
import { createSmtpDoor } from '../../../src/doors/smtp/door.ts'
import type { SmtpOptions, SmtpRoute } from '../../../src/doors/smtp/shared/server.ts'
import { Budget } from '../../../src/ground/flow/memory-budget.ts'
import { Network } from '../../../src/ground/net/ip-address.ts'
import type { QuotaLookup } from '../../../src/scan/quota/quota-answer.ts'
import { HostMemory } from '../../../src/scan/verdicts/host-memory.ts'
import { type Client, callDoor } from './client.ts'

/** What the rig needs of tap's test object. */
interface Test {
  teardown(stop: () => unknown): void
}

export interface OpenDoor extends Door {
  readonly port: number
  /** A private directory that goes with the test: TMPDIR. */
  readonly directory: string
  /** Trouble of the daemon's own. */
  readonly log: readonly string[]
  /** The lines about mail. */
  readonly mailLog: readonly string[]
  /** A client that has heard the greeting. */
  call(): Promise<Client>
  /** A client that has greeted by the door's protocol, and has said these lines. */
  greeted(...lines: readonly string[]): Promise<Client>
  /** A client that may send content for these recipients. */
  amidData(...recipients: readonly string[]): Promise<Client>
  /** A client that has sent this content for these recipients, and has heard no answer to it. */
  sent(content: string, ...recipients: readonly string[]): Promise<Client>
}

export interface Setup extends Partial<Omit<SmtpRoute, 'next'>>, Partial<SmtpOptions> {
  readonly settings?: Readonly<Record<string, string>>
  readonly quota?: QuotaLookup
}

/** onescand's SMTP door in this process, before a server on a port of 127.0.0.1. */
export async function openDoor(t: Test, nextPort: number, setup: Setup = {}): Promise<OpenDoor> {
  const { settings = {}, quota, ...rest } = setup
  const directory = mkdtempSync(join(tmpdir(), 'onescan-smtp-'))
  const log: string[] = []
  const mailLog: string[] = []
  const env = {
    PATH: process.env.PATH ?? '',
    CONTROLDIR: '/nonexistent',
    TMPDIR: directory,
    ...settings,
  }
  const read = await readConfiguration(env, (line) => log.push(line), new HostMemory())
  t.teardown(read.close)
  const configuration = quota ? { ...read, quota: quota as Configuration['quota'] } : read
  const route: SmtpRoute = {
    lmtp: false,
    next: {
      text: `inet:127.0.0.1:${nextPort}`,
      options: { host: '127.0.0.1', port: nextPort },
    },
    from: [Network.parse('127.0.0.0/8')!],
    afterQueue: false,
    ...rest,
  }
  const door = createSmtpDoor(configuration, route, {
    maxClients: 200,
    maxSize: 100 * 1024 * 1024,
    budget: new Budget(64 * 1024 * 1024),
    log: (line) => log.push(line),
    mailLog: (line) => mailLog.push(line.toString('latin1')),
    ...rest,
  })
  door.server.listen(0, '127.0.0.1')
  await once(door.server, 'listening')
  const { port } = door.server.address() as AddressInfo
  t.teardown(async () => {
    if (door.server.listening) await door.close(0)
    rmSync(directory, { recursive: true, force: true })
  })
  const opened: OpenDoor = {
    ...door,
    port,
    directory,
    log,
    mailLog,
    async call() {
      const client = await callDoor(port)
      t.teardown(() => client.socket.destroy())
      await client.hear()
      return client
    },
    async greeted(...lines) {
      const client = await opened.call()
      await client.say(route.lmtp ? 'LHLO x' : 'EHLO x', ...lines)
      return client
    },
    amidData(...recipients) {
      const to = recipients.length > 0 ? recipients : ['b@b.example']
      const lines = to.map((path) => `RCPT TO:<${path}>`)
      return opened.greeted('MAIL FROM:<a@b.example>', ...lines, 'DATA')
    },
    async sent(content, ...recipients) {
      const client = await opened.amidData(...recipients)
      client.write(`${content}.\r\n`)
      return client
    },
  }
  return opened
}

/**
 * Sends one message on a connection of its own, and resolves to the last reply: the one to the
 * content if it came so far.
 */
export async function sendThrough(
  door: Pick<OpenDoor, 'call'>,
  content: string | Buffer,
  recipients: readonly string[] = ['ben@example.org'],
  sender = 'ann@example.net',
): Promise<string> {
  const client = await door.call()
  const commands = ['EHLO client.example.org', `MAIL FROM:<${sender}>`]
  let go = ''
  for (const line of [...commands, ...recipients.map((to) => `RCPT TO:<${to}>`), 'DATA']) {
    go = await client.say(line)
    if (go.startsWith('421')) return go
  }
  if (!go.startsWith('354')) return go
  client.write(content)
  client.write('.\r\n')
  const reply = (await client.hear()) ?? 'left'
  await client.say('QUIT')
  await client.close()
  return reply
}

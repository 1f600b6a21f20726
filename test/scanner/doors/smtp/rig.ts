import type { AddressInfo } from 'node:net'
import { Network } from '../../../../src/base/net/ip-address.ts'
import type {
  SmtpOptions,
  SmtpRoute,
} from '../../../../src/scanner/doors/smtp/next-server/smtp-services.ts'
import { createSmtpDoor } from '../../../../src/scanner/doors/smtp/smtp-door.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { aroundDoor, type InPlace, type OpenedDoor } from '../in-process.ts'
import { type Client, callDoor } from './client.ts'

export interface OpenDoor extends OpenedDoor {
  readonly port: number
  /** A client that has heard the greeting. */
  call(): Promise<Client>
  /** A client that has greeted by the door's protocol, and has sent these lines. */
  greeted(...lines: readonly string[]): Promise<Client>
  /** A client that may send content for these recipients. */
  amidData(...recipients: readonly string[]): Promise<Client>
  /** A client that has sent this content for these recipients, and has heard no answer to it. */
  sent(content: string, ...recipients: readonly string[]): Promise<Client>
}

export interface Setup extends Partial<Omit<SmtpRoute, 'next'>>, Partial<SmtpOptions>, InPlace {
  readonly settings?: Readonly<Record<string, string>>
}

/** onescand's SMTP door in this process, before a server on a port of 127.0.0.1. */
export async function openDoor(t: Ending, nextPort: number, setup: Setup = {}): Promise<OpenDoor> {
  const { settings = {}, quota, scan, ...rest } = setup
  const around = aroundDoor(t, { quota, scan })
  const route: SmtpRoute = {
    isLmtp: false,
    next: {
      text: `inet:127.0.0.1:${nextPort}`,
      options: { host: '127.0.0.1', port: nextPort },
    },
    from: [Network.parse('127.0.0.0/8')!],
    isQueued: false,
    ...rest,
  }
  const door = createSmtpDoor(await around.configured(settings), route, {
    maxClients: 200,
    maxSize: 100 * 1024 * 1024,
    ...around.options,
    ...rest,
  })
  const listening = await around.open(door, 0)
  const { port } = door.server.address() as AddressInfo
  const opened: OpenDoor = {
    ...listening,
    port,
    async call() {
      const client = await callDoor(port)
      t.teardown(() => client.socket.destroy())
      await client.hear()
      return client
    },
    async greeted(...lines) {
      const client = await opened.call()
      await client.command(route.isLmtp ? 'LHLO x' : 'EHLO x', ...lines)
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
    go = await client.command(line)
    if (go.startsWith('421')) return go
  }
  if (!go.startsWith('354')) return go
  client.write(content)
  client.write('.\r\n')
  const reply = (await client.hear()) ?? 'left'
  await client.command('QUIT')
  await client.close()
  return reply
}

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { type BackendOf, openBackends } from '../../../../src/scanner/scan/quota/backend-of.ts'
import { QuotaClient } from '../../../../src/scanner/scan/quota/quota-client.ts'
import {
  type QuotaSettings,
  readBackend,
  readQuotaSettings,
} from '../../../../src/scanner/scan/quota/quota-settings.ts'
import type { Ending } from '../../../programs/host/server.ts'

/** Quota services on real sockets, whose answers a test sets. */

export interface UdpService {
  readonly port: number
  /** What came in. */
  readonly heard: string[]
  readonly senders: RemoteInfo[]
  readonly socket: Socket
}

/** A service that answers each question with the datagrams that `respond` returns. */
export async function udpService(
  t: Ending,
  respond: (packet: string, from: RemoteInfo) => string | readonly string[] | undefined,
  port = 0,
): Promise<UdpService> {
  const socket = createSocket('udp4')
  const heard: string[] = []
  const senders: RemoteInfo[] = []
  socket.on('message', (packet, from) => {
    const text = packet.toString('latin1')
    heard.push(text)
    senders.push(from)
    const response = respond(text, from)
    const answers = typeof response === 'string' ? [response] : (response ?? [])
    for (const answer of answers)
      socket.send(Buffer.from(answer, 'latin1'), from.port, from.address)
  })
  socket.bind(port, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => {
    try {
      socket.close()
    } catch {
      // The test closed it.
    }
  })
  return { port: socket.address().port, heard, senders, socket }
}

/** Answers like onescan-quotad about some mailboxes, given by their names, sizes and quotas. */
export function extendedAnswer(
  mailboxes: Readonly<Record<string, readonly [size: number, quota: number]>>,
): (packet: string) => string {
  return (packet) => {
    const [, name = '', incoming = '0', ...nonce] = packet.split(' ')
    const mailbox = mailboxes[name]
    if (!mailbox) return ['QUOTA_UNKNOWN', name, ...nonce].join(' ')
    const [size, quota] = mailbox
    const full = quota > 0 && (size >= quota || size + Number(incoming) > quota)
    return [full ? 'QUOTA_FULL' : 'QUOTA_OK', name, size, quota, ...nonce].join(' ')
  }
}

export interface HttpService {
  readonly url: string
  readonly heard: string[]
  /** Connections so far. */
  connections(): number
}

export async function httpService(
  t: Ending,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host = '127.0.0.1',
): Promise<HttpService> {
  const heard: string[] = []
  let connections = 0
  const server = createServer((request, response) => {
    heard.push(request.url!)
    answer(request, response)
  }).on('connection', () => connections++)
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/cgi-bin/quota.cgi`,
    heard,
    connections: () => connections,
  }
}

export interface Clock {
  now: number
}

/**
 * A client of one backend, with its log. A test may set its clock, or pass one of its own. A question
 * has more time than a busy machine needs, unless the test sets QUOTATIMEOUT.
 */
export function clientOf(
  t: Ending,
  service: string,
  env: Readonly<Record<string, string>> = {},
  backendOf?: BackendOf,
  now?: () => number,
): { client: QuotaClient; log: string[]; clock: Clock } {
  const settings: QuotaSettings = readQuotaSettings({
    QUOTAD: service,
    QUOTATIMEOUT: '30000',
    ...env,
  })!
  const backend = readBackend(service, 'QUOTAD')
  const clock: Clock = { now: 1_000_000 }
  const log: string[] = []
  const client = new QuotaClient(settings, {
    backends: { backendOf: backendOf ?? (() => backend) },
    uptime: now ?? (() => clock.now),
    log: (line) => log.push(line),
  })
  t.teardown(() => client.close())
  return { client, log, clock }
}

export const ann = readAddress('ann@example.org')
export const ben = readAddress('ben@example.org')

/** The backends of a map with this text. */
export function backendMap(t: Test, text: string): BackendOf {
  const file = join(t.testdir(), 'map')
  writeFileSync(file, text, 'latin1')
  return openBackends({ where: { map: file }, timeout: 0 }, () => 0).backendOf
}

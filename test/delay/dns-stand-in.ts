import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'

/** How the DNS server of a test treats a question. */
export type DnsAnswer =
  /** Names, of each its labels as bytes: a string is taken apart at its dots. */
  | { readonly names: readonly (string | readonly Buffer[])[] }
  | { readonly address: string }
  /** RFC 1035 4.1.1: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  | { readonly code: number }
  /** No answer; an answer that nobody can read; the right one, but from another port. */
  | 'silence'
  | 'nonsense'
  | { readonly elsewhere: string }

interface DnsServer {
  /** `ADDRESS:PORT`. */
  readonly server: string
  /** The names that were asked for, in order. */
  readonly asked: readonly string[]
}

const PTR = 12
const A = 1
const IN = 1
const HEADER = 12

/**
 * A DNS server over UDP that knows these domains; for any other it answers NXDOMAIN. It ends with the test. `address`
 * makes it listen on the port of the DNS, for programs that ask no other.
 */
export async function startDns(
  t: Test,
  known: Readonly<Record<string, DnsAnswer>>,
  address?: string,
): Promise<DnsServer> {
  const socket = await bound(address, address === undefined ? 0 : 53)
  const other = await bound()
  const asked: string[] = []
  socket.on('message', (query, client) => {
    const { name, end } = readName(query)
    asked.push(name)
    const question = query.subarray(HEADER, end + 4)
    const answer = known[name.toLowerCase()] ?? { code: 3 }
    const send = (from: Socket, code: number, records: readonly Buffer[]) =>
      reply(from, client, [header(query, code, records.length), question, ...records])
    if (answer === 'silence') return
    if (answer === 'nonsense') reply(socket, client, [header(query, 0, 1), Buffer.from([1, 2])])
    else if ('elsewhere' in answer) send(other, 0, [record(PTR, encodeName(answer.elsewhere))])
    else if ('code' in answer) send(socket, answer.code, [])
    else if ('address' in answer) {
      send(socket, 0, [record(A, Buffer.from(answer.address.split('.').map(Number)))])
    } else {
      const records = answer.names.map((name) => record(PTR, encodeName(name)))
      send(socket, 0, records)
    }
  })
  t.teardown(() => {
    socket.close()
    other.close()
  })
  return { server: `${socket.address().address}:${socket.address().port}`, asked }
}

async function bound(address = '127.0.0.1', port = 0): Promise<Socket> {
  const socket = createSocket('udp4').bind(port, address)
  await once(socket, 'listening')
  return socket
}

function reply(from: Socket, client: RemoteInfo, parts: readonly Buffer[]): void {
  from.send(Buffer.concat(parts), client.port, client.address)
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = HEADER
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}

function header(query: Buffer, code: number, answers: number): Buffer {
  const bytes = Buffer.alloc(HEADER)
  query.copy(bytes, 0, 0, 2)
  bytes.writeUInt16BE(0x8180 | code, 2) // a response, recursion wanted and had
  bytes.writeUInt16BE(1, 4)
  bytes.writeUInt16BE(answers, 6)
  return bytes
}

function record(type: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt16BE(0xc000 | HEADER, 0) // the name in the question
  bytes.writeUInt16BE(type, 2)
  bytes.writeUInt16BE(IN, 4)
  bytes.writeUInt16BE(data.length, 10)
  return Buffer.concat([bytes, data])
}

function encodeName(name: string | readonly Buffer[]): Buffer {
  const text = name as string
  const labels = Array.isArray(name) ? name : text === '' ? [] : text.split('.').map(Buffer.from)
  const parts = (labels as readonly Buffer[]).flatMap((label) => [
    Buffer.from([label.length]),
    Buffer.from(label),
  ])
  return Buffer.concat([...parts, Buffer.from([0])])
}

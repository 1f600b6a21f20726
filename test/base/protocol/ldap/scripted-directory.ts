import { createServer, type Socket } from 'node:net'
import { createServer as createSecureServer } from 'node:tls'
import { listen } from '../../../programs/host/listen.ts'
import type { Ending } from '../../../programs/host/server.ts'

/** A directory over TCP that sends to each request what a test wants. */

export interface ScriptedDirectory {
  readonly url: string
  /** How many connections it has taken. */
  accepted(): number
}

/** What a request asks, of those that we send. */
export interface Request {
  readonly id: number
  readonly asks: 'bind' | 'search' | 'unbind'
}

/** Answers a request, by writing to the connection. */
export type Answer = (request: Request, socket: Socket) => void

const ASKS: Readonly<Record<number, Request['asks']>> = {
  96: 'bind',
  99: 'search',
  66: 'unbind',
}

/**
 * Starts one that ends with the test. `greet` sends something before the first request. With a
 * certificate it speaks TLS.
 */
export async function startScriptedDirectory(
  t: Ending,
  answer: Answer,
  greet: (socket: Socket) => void = () => {},
  certificate?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<ScriptedDirectory> {
  let accepted = 0
  const take = (socket: Socket) => {
    accepted++
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      for (const request of requestsIn(bytes)) answer(request, socket)
    })
    greet(socket)
  }
  const server = certificate ? createSecureServer(certificate, take) : createServer(take)
  const port = await listen(t, server)
  return { url: `ldap${certificate ? 's' : ''}://127.0.0.1:${port}`, accepted: () => accepted }
}

/** The requests of a read, which are short and come whole. */
function requestsIn(bytes: Buffer): Request[] {
  const requests: Request[] = []
  for (let at = 0; at < bytes.length; ) {
    const { begin, end } = bounds(bytes, at)
    const id = bounds(bytes, begin)
    const asks = ASKS[bytes[id.end]!]
    if (asks) requests.push({ id: bytes.readUIntBE(id.begin, id.end - id.begin), asks })
    at = end
  }
  return requests
}

function bounds(bytes: Buffer, at: number): { begin: number; end: number } {
  const length = bytes[at + 1]!
  if (length < 0x80) return { begin: at + 2, end: at + 2 + length }
  const begin = at + 2 + (length & 0x7f)
  return { begin, end: begin + bytes.readUIntBE(at + 2, length & 0x7f) }
}

/** An element of BER with its length in as few bytes as there may be. */
export function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

/** The same, with a length that is declared and wrong. */
export function claiming(tag: number, length: number, ...contents: readonly Buffer[]): Buffer {
  const head = Buffer.from([tag, 0x84, 0, 0, 0, 0])
  head.writeUInt32BE(length, 2)
  return Buffer.concat([head, ...contents])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = [24, 16, 8, 0].map((shift) => (length >> shift) & 0xff)
  const first = bytes.findIndex((byte) => byte > 0)
  return Buffer.from([0x80 + 4 - first, ...bytes.slice(first)])
}

export const text = (value: string): Buffer => element(0x04, Buffer.from(value))
export const sequence = (...contents: readonly Buffer[]): Buffer => element(0x30, ...contents)
export const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return element(0x02, bytes)
}

/** A message with an operation and whatever follows it. */
export const message = (id: number, ...contents: readonly Buffer[]): Buffer =>
  sequence(number(id), ...contents)

/** A result: that of a search (0x65) or bind (0x61), with more behind its three values. */
export const result = (tag: number, code: number, ...more: readonly Buffer[]): Buffer =>
  element(tag, element(0x0a, Buffer.from([code])), text(''), text(''), ...more)

/** The end of a search that found all. */
export const found = (id: number): Buffer => message(id, result(0x65, 0))

/** An entry with one value of each attribute. */
export function entry(id: number, attributes: Readonly<Record<string, string>>): Buffer {
  const list = Object.entries(attributes).map(([name, value]) =>
    sequence(text(name), element(0x31, text(value))),
  )
  return message(id, element(0x64, text('cn=x'), sequence(...list)))
}

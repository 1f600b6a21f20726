import { connect, type Socket } from 'node:net'
import { step } from '../../../doors/milter/wire/negotiation.ts'
import { createPacketReader, packet, strings, uint32 } from '../../../doors/milter/wire/packets.ts'
import type { Frame } from '../../../doors/shared/wire/frames.ts'
import type { ServiceAddress } from '../shared/service-address.ts'

/** A filter's answer to a message. */
export interface FilterAnswer {
  /** `passed` stands for accept and continue, which both let the message pass. */
  readonly kind: 'passed' | 'refused' | 'deferred' | 'discarded'
  /** The text of its reply, or ''. */
  readonly text: string
  /** The fields that it adds, as `Name: value`. */
  readonly added: readonly string[]
}

/** The client that the message seems to come from. */
export interface MilterClient {
  readonly sender: string
  /** 0 for mail that no client sent, as Postfix has it (cleanup_milter.c). */
  readonly port: number
  /** A macro that no MTA sets, which is sent with the sender. */
  readonly macro?: string
}

export const usualClient: MilterClient = { sender: 'postmaster@localhost', port: 25 }

const PACKET_MAX = 1024 * 1024
/** Bytes of a chunk of the body (mfdef.h, MILTER_CHUNK_SIZE). */
const CHUNK_MAX = 65_535
const VERSION = 6
const ALL_ACTIONS = 0x1ff
const ALL_STEPS = 0x1fffff

/**
 * Shows a message to a filter by the milter protocol (libmilter, mfdef.h), as an MTA would. Nothing
 * is delivered. Rejects if the filter does not answer within `timeout` milliseconds.
 */
export async function askMilter(
  address: ServiceAddress,
  message: Buffer,
  timeout: number,
  client: MilterClient = usualClient,
): Promise<FilterAnswer> {
  const socket = connect(address)
  const late = setTimeout(() => socket.destroy(new Error('no answer in time')), timeout)
  try {
    return await converse(socket, message, client)
  } finally {
    clearTimeout(late)
    socket.destroy()
  }
}

async function converse(
  socket: Socket,
  message: Buffer,
  client: MilterClient,
): Promise<FilterAnswer> {
  const packets = readPackets(socket)
  const next = async (): Promise<{ command: string; data: Buffer }> => {
    for (;;) {
      const { done, value } = await packets.next()
      if (done) throw new Error('closes the connection: is it a milter?')
      if (value.type !== 'p') return { command: value.type, data: Buffer.from(value.payload) }
    }
  }
  socket.write(packet('O', uint32(VERSION), uint32(ALL_ACTIONS), uint32(ALL_STEPS)))
  const agreed = await next()
  if (agreed.command !== 'O' || agreed.data.length < 12) throw new Error('is not a milter')
  const steps = agreed.data.readUInt32BE(8)

  for (const { command, data, skippedBy, unansweredBy } of commandsFor(message, client)) {
    if ((steps & skippedBy) !== 0) continue
    if (command === 'M' && client.macro !== undefined) {
      socket.write(packet('D', Buffer.from('M'), strings(`{${client.macro}}`, '1')))
    }
    socket.write(packet(command, data))
    if ((steps & unansweredBy) !== 0) continue
    const reply = await next()
    if (reply.command !== 'c' && reply.command !== 's') return answerOf(reply, [])
  }
  socket.write(packet('E'))
  const added: string[] = []
  for (;;) {
    const reply = await next()
    if (reply.command === 'h' || reply.command === 'i') {
      const from = reply.command === 'i' ? 4 : 0
      const [name, value] = reply.data.toString('latin1', from).split('\0')
      added.push(`${name}: ${value?.trim()}`)
    } else if ('cadrty'.includes(reply.command)) return answerOf(reply, added)
  }
}

function answerOf(
  { command, data }: { readonly command: string; readonly data: Buffer },
  added: readonly string[],
): FilterAnswer {
  const text = command === 'y' ? data.toString('latin1').replace(/\0.*$/s, '') : ''
  if (command === 'r' || (command === 'y' && text.startsWith('5'))) {
    return { kind: 'refused', text, added }
  }
  if (command === 't' || command === 'y') return { kind: 'deferred', text, added }
  return { kind: command === 'd' ? 'discarded' : 'passed', text, added }
}

/** A command of an MTA. */
interface MtaStep {
  readonly command: string
  readonly data: Buffer
  /** The bit of the agreement by which the filter skips this step. */
  readonly skippedBy: number
  /** The bit by which the filter does not reply to it. */
  readonly unansweredBy: number
}

function commandsFor(message: Buffer, { sender, port }: MilterClient): MtaStep[] {
  const text = message.toString('latin1')
  const end = text.indexOf('\n\n')
  const fields = text
    .slice(0, end)
    .replace(/\n[ \t]+/g, ' ')
    .split('\n')
  const body = Buffer.from(text.slice(end + 2).replaceAll('\n', '\r\n'), 'latin1')
  const family = Buffer.from([0x34, port >> 8, port & 255]) // '4' for IPv4, then the port
  const mtaStep = (command: string, data: Buffer, skippedBy: number, unansweredBy: number) => {
    return { command, data, skippedBy, unansweredBy }
  }
  return [
    mtaStep(
      'C',
      Buffer.concat([strings('localhost'), family, strings('127.0.0.1')]),
      step.skipConnect,
      step.noReplyToConnect,
    ),
    mtaStep('H', strings('localhost'), step.skipHelo, step.noReplyToHelo),
    mtaStep('M', strings(`<${sender}>`), step.skipMail, step.noReplyToMail),
    mtaStep('R', strings('<postmaster@localhost>'), step.skipRecipient, step.noReplyToRecipient),
    mtaStep('T', Buffer.alloc(0), step.skipData, step.noReplyToData),
    ...fields.map((field) => {
      const at = field.indexOf(':')
      const value = field.slice(at + 1).trim()
      return mtaStep('L', strings(field.slice(0, at), value), step.skipHeader, step.noReplyToHeader)
    }),
    mtaStep('N', Buffer.alloc(0), step.skipEndOfHeader, step.noReplyToEndOfHeader),
    ...chunksOf(body).map((chunk) => mtaStep('B', chunk, step.skipBody, step.noReplyToBody)),
  ]
}

function chunksOf(body: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < body.length; at += CHUNK_MAX) {
    chunks.push(body.subarray(at, at + CHUNK_MAX))
  }
  return chunks
}

async function* readPackets(socket: Socket): AsyncGenerator<Frame, void> {
  const reader = createPacketReader(() => PACKET_MAX)
  for await (const chunk of socket) {
    reader.push(chunk as Buffer)
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) yield packet
  }
}

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { uint32 } from '../../../../src/scanner/protocol/frames.ts'
import { step } from '../../../../src/scanner/protocol/milter/milter-offer.ts'
import {
  createPacketReader,
  packet,
  strings,
} from '../../../../src/scanner/protocol/milter/packets.ts'
import { closed } from '../../../run/closed.ts'

/** The MTA's side of the protocol, packet by packet, as Postfix and Sendmail speak it. */

/** A packet of the filter's. */
export interface MilterPacket {
  readonly command: string
  readonly data: Buffer
}

export interface Offer {
  readonly version: number
  readonly actions: number
  readonly steps: number
}

/** What Postfix 3 and Sendmail 8.14 and later offer. */
export const everything: Offer = { version: 6, actions: 0x1ff, steps: 0x1fffff }

/** The offer of an MTA with the oldest version: an answer to each command. */
export const oldest: Offer = { version: 2, actions: 0x3f, steps: 0x7f }

export interface Line {
  readonly socket: Socket
  write(...packets: readonly Buffer[]): void
  /** The next packet that is not a sign of progress; undefined once the filter has left. */
  hear(): Promise<MilterPacket | undefined>
  /** Signs of progress so far. */
  readonly progress: number
  close(): Promise<void>
}

/** Connects to a filter, and sends nothing yet. */
export async function call(place: string | number): Promise<Line> {
  const socket =
    typeof place === 'string' ? connect(place) : connect({ host: '127.0.0.1', port: place })
  await once(socket, 'connect')
  const reader = createPacketReader(() => 16 * 1024 * 1024)
  const heard: MilterPacket[] = []
  let progress = 0
  let isOver = false
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    reader.push(chunk)
    for (let next = reader.next(); next; next = reader.next()) {
      if (next.type === 'p') progress++
      else heard.push({ command: next.type, data: Buffer.from(next.payload) }) // it is used again
    }
    wake()
  })
  const end = () => {
    isOver = true
    wake()
  }
  socket.on('error', end)
  socket.on('end', end)
  socket.on('close', end)
  return {
    socket,
    write: (...packets) => void socket.write(Buffer.concat(packets)),
    async hear() {
      while (heard.length === 0 && !isOver) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return heard.shift()
    },
    get progress() {
      return progress
    },
    async close() {
      socket.end()
      await closed(socket)
    },
  }
}

export const negotiation = ({ version, actions, steps }: Offer): Buffer =>
  packet('O', uint32(version), uint32(actions), uint32(steps))

export const macros = (stage: string, values: Readonly<Record<string, string>>): Buffer =>
  packet('D', Buffer.from(stage), strings(...Object.entries(values).flat()))

export const packets = {
  connect: (address = '192.0.2.7', port = 1025, name = 'client.example.org', family = '4') =>
    packet(
      'C',
      strings(name),
      Buffer.of(family.charCodeAt(0), port >> 8, port & 0xff),
      strings(address),
    ),
  helo: packet('H', strings('client.example.org')),
  mail: (sender: string, ...parameters: readonly string[]) =>
    packet('M', strings(`<${sender}>`, ...parameters)),
  recipient: (address: string) => packet('R', strings(`<${address}>`)),
  data: packet('T'),
  field: (name: string, value: string) => packet('L', strings(name, value)),
  endOfHeader: packet('N'),
  body: (chunk: Buffer | string) =>
    packet('B', typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk),
  end: packet('E'),
  endWith: (chunk: Buffer) => packet('E', chunk),
  abort: packet('A'),
  quit: packet('Q'),
  quitNewConnection: packet('K'),
} as const

/** The agreement, and the macros that the filter asks for. */
export interface Agreed extends Offer {
  readonly macros: string
}

/** Negotiates, and complains as an MTA does about bits that were not offered. */
export async function negotiate(line: Line, offer: Offer = everything): Promise<Agreed> {
  line.write(negotiation(offer))
  const answer = await line.hear()
  if (answer?.command !== 'O') throw new Error(`negotiation answered by ${answer?.command}`)
  const agreed = {
    version: answer.data.readUInt32BE(0),
    actions: answer.data.readUInt32BE(4),
    steps: answer.data.readUInt32BE(8),
    macros: answer.data.toString('latin1', 12),
  }
  if (agreed.version > offer.version) throw new Error(`version ${agreed.version}`)
  if (agreed.actions & ~offer.actions) throw new Error(`actions ${agreed.actions}`)
  if (agreed.steps & ~offer.steps) throw new Error(`steps ${agreed.steps}`)
  return agreed
}

/** The bits by which the filter skips a command, and by which it leaves it unanswered. */
const bits: Readonly<Record<string, readonly [unsaid: number, unanswered: number]>> = {
  C: [step.skipConnect, step.noReplyToConnect],
  H: [step.skipHelo, step.noReplyToHelo],
  M: [step.skipMail, step.noReplyToMail],
  R: [step.skipRecipient, step.noReplyToRecipient],
  T: [step.skipData, step.noReplyToData],
  L: [step.skipHeader, step.noReplyToHeader],
  N: [step.skipEndOfHeader, step.noReplyToEndOfHeader],
  B: [step.skipBody, step.noReplyToBody],
}

/** Sends a command as agreed, and resolves to the answer, or to undefined if none is due. */
export async function exchange(
  line: Line,
  { steps }: Pick<Agreed, 'steps'>,
  command: Buffer,
): Promise<MilterPacket | undefined> {
  const letter = String.fromCharCode(command[4]!)
  const [unsaid, unanswered] = bits[letter] ?? [0, 0]
  if (steps & unsaid) return undefined
  line.write(command)
  if (steps & unanswered) return undefined
  const answer = await line.hear()
  if (answer === undefined) throw new Error(`no answer to ${letter}`)
  return answer
}

/**
 * Connects and leaves again. When this resolves, the door has heard what other connections sent
 * before.
 */
export async function probeSocket(place: string): Promise<void> {
  const line = await call(place)
  await negotiate(line)
  await line.close()
}

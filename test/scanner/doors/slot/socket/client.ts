import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import { uint32 } from '../../../../../src/scanner/protocol/frames.ts'
import {
  createFrameReader,
  frame,
  uint64,
} from '../../../../../src/scanner/protocol/slot/slot-frames.ts'

/**
 * A client by slot-protocol.md for tests: it sends whatever a test wants, and reads strictly.
 */

export interface Question {
  readonly variables?: Readonly<Record<string, string>>
  readonly takesReply?: boolean
  /** Milliseconds. */
  readonly timeLeft?: number
  readonly envelope?: Buffer
  readonly message?: Buffer
  /** That the head announces, if it is another than that of `message`. */
  readonly size?: number
}

export interface Heard {
  /** The types of all frames, in their order. */
  readonly types: string
  /** The payload of the last frame. */
  readonly payload: Buffer
}

export const simpleEnvelope = makeEnvelope(Buffer.from('a@example.org'), [
  Buffer.from('b@example.org'),
]).wire
export const simpleMessage = Buffer.from('Subject: x\n\nbody\n')

/** Returns the frames of a question, one by one. */
export function framesOf(question: Question): Buffer[] {
  const { variables = {}, message = simpleMessage, size } = question
  const frames = [frame('1', Buffer.from('osc1'))]
  for (const [name, value] of Object.entries(variables)) {
    frames.push(frame('V', Buffer.from(`${name}=${value}`)))
  }
  frames.push(frame('R', Buffer.of(question.takesReply ? 1 : 0)))
  frames.push(frame('D', uint32(question.timeLeft ?? 60_000)))
  frames.push(frame('E', question.envelope ?? simpleEnvelope))
  frames.push(frame('S', uint64(size ?? message.length)))
  for (let at = 0; at < message.length; at += 0x10000) {
    frames.push(frame('M', message.subarray(at, at + 0x10000)))
  }
  return [...frames, frame('.')]
}

/** Asks, and reads the whole answer. */
export async function ask(socket: string, question: Question): Promise<Heard> {
  const connection = await call(socket)
  connection.write(Buffer.concat(framesOf(question)))
  return hearOut(connection)
}

export async function call(socket: string): Promise<Socket> {
  const connection = connect({ path: socket, allowHalfOpen: true })
  connection.on('error', () => {}) // what was received until then has more details
  await once(connection, 'connect')
  return connection
}

/** Reads until the daemon closes the connection. Throws if that is cut, or not in frames. */
export function hearOut(connection: Socket): Promise<Heard> {
  let types = ''
  let last: Buffer = Buffer.alloc(0)
  const reader = createFrameReader((_, length) => Buffer.alloc(length))
  return new Promise((resolve, reject) => {
    connection.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk)
        for (let next = reader.next(); next; next = reader.next()) {
          types += next.type
          last = next.payload
        }
      } catch (error) {
        reject(error)
      }
    })
    connection.on('end', () => connection.end())
    connection.on('close', () => {
      if (reader.isAmidst) reject(new Error(`cut off behind ${types}`))
      else resolve({ types, payload: last })
    })
  })
}

/** What a client does by the answer: slot-protocol.md, ANSWER. */
export interface Outcome {
  readonly does: 'hand on' | 'end' | 'go standalone'
  /** The reason to go standalone. */
  readonly reason: string
  readonly code: number | undefined
  /** The text for the error descriptor. */
  readonly text: string
  readonly log: string
  /** The message that the next program gets. */
  readonly message: Buffer
  readonly envelope: Buffer
}

/**
 * Carries the answer out, by the letter of the document. Throws if a client would not understand
 * it.
 */
export function carryOut({ types, payload }: Heard, question: Question): Outcome {
  const { message = simpleMessage, envelope = simpleEnvelope } = question
  const nothing = { reason: '', code: undefined, text: '', log: '', message, envelope }
  if (!/^C$|^Ah*[axC]$/.test(types)) throw new Error(`no conversation: ${types}`)
  if (types.endsWith('C'))
    return { ...nothing, does: 'go standalone', reason: payload.toString('latin1') }
  const fields = fieldsOf(payload)
  const all = (type: string) => fields.filter((field) => field.type === type)
  const frameOf = (type: string) => {
    if (all(type).length > 1) throw new Error(`several fields ${type}`)
    return all(type)[0]?.value
  }
  const log = all('l')
    .map(({ value }) => value.toString('latin1'))
    .join('')
  if (all('l').some(({ value }) => value.length > 4096 || value.at(-1) !== 0x0a)) {
    throw new Error('no log line')
  }
  if (types.endsWith('x')) {
    if (fields[0]?.type !== 'c') throw new Error('no code in front')
    const code = frameOf('c')![0]!
    if (![0, 31, 33, 34, 71, 77, 82, 88].includes(code)) throw new Error(`code ${code}`)
    return { ...nothing, does: 'end', code, text: frameOf('t')?.toString('latin1') ?? '', log }
  }
  if (fields[0]?.type !== 'B') throw new Error('no offset in front')
  const offset = Number(frameOf('B')!.readBigUInt64BE())
  if (offset > message.length || offset > 1024 * 1024) throw new Error(`body at ${offset}`)
  const header = fields.flatMap(({ type, value }) => {
    if (type === 'i') return [value]
    if (type !== 'k') return []
    const start = value.readUInt32BE(0)
    const end = start + value.readUInt32BE(4)
    if (end > offset) throw new Error('a span beyond the header')
    return [message.subarray(start, end)]
  })
  const edited = Buffer.concat(header)
  if (edited.length > offset + 16 * 1024) throw new Error('a header that does not fit')
  return {
    ...nothing,
    does: 'hand on',
    log,
    message: Buffer.concat([edited, message.subarray(offset)]),
    envelope: frameOf('e') ?? envelope,
  }
}

function fieldsOf(payload: Buffer): { type: string; value: Buffer }[] {
  const fields = []
  const reader = createFrameReader((_, length) => Buffer.alloc(length))
  reader.push(payload)
  for (let next = reader.next(); next; next = reader.next()) {
    fields.push({ type: next.type, value: next.payload })
  }
  const last = fields.pop()
  if (reader.isAmidst || last?.type !== '.' || last.value.length > 0) throw new Error('no end')
  return fields
}

import { connect, type Socket } from 'node:net'
import { TOP_LINE } from '../../message/top-line.ts'
import { createFrameReader, frame, uint32, uint64 } from './frames.ts'
import { VERSION } from './request.ts'

/** What a client asks about a message: doc/slot-protocol.md, "What the client sends". */
export interface Question {
  readonly variables: Readonly<Record<string, string>>
  /** Milliseconds for scanning. */
  readonly timeLeft: number
  /** As on fd 1. */
  readonly envelope: Buffer
  /** Bytes of the message. */
  readonly size: number
  /** Undefined if it is handed over in a file, below TOP_LINE. */
  readonly message: Buffer | undefined
}

/** What became of it. */
export type Answer =
  /** `tag`: what it adds as X-QHPSI, if it adds that. */
  | { readonly does: 'accept'; readonly tag: string | undefined }
  | { readonly does: 'exit'; readonly code: number }
  | { readonly does: 'go cold'; readonly why: string }

/** Bytes of all that is answered: doc/slot-protocol.md, "What the daemon sends", and heartbeats. */
const ANSWER_MAX = 512 * 1024

/** The whole question in frames. */
export function questionFrames(question: Question): Buffer {
  const { variables, timeLeft, envelope, size, message } = question
  return Buffer.concat([
    frame('1', Buffer.from(VERSION)),
    ...Object.entries(variables).map(([name, value]) =>
      frame('V', Buffer.from(`${name}=${value}`)),
    ),
    frame('R', Buffer.of(1)),
    frame('D', uint32(timeLeft)),
    frame('E', envelope),
    ...(message ? [] : [frame('F', uint64(TOP_LINE.length))]),
    frame('S', uint64(size)),
    ...(message ? [frame('M', message)] : []),
    frame('.'),
  ])
}

/** Asks the onescand at that socket. Rejects if it does not answer, or not within so many milliseconds. */
export async function askSlot(path: string, question: Question, within: number): Promise<Answer> {
  return readAnswer(await converse(path, questionFrames(question), within))
}

/** All that is answered until the connection is closed. `send` sends the question, once it is connected. */
export function converse(
  path: string,
  question: Buffer,
  within: number,
  send: (socket: Socket, question: Buffer) => void = (socket) => void socket.write(question),
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const socket = connect({ path, allowHalfOpen: true })
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), within)
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > ANSWER_MAX) socket.destroy(new Error('an answer without an end'))
      else chunks.push(chunk)
    })
    socket.on('end', () => socket.destroy())
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks))
    })
    socket.on('connect', () => send(socket, question))
  })
}

function readAnswer(bytes: Buffer): Answer {
  for (const [tag, payload] of framesIn(bytes)) {
    if (tag === 'C') return { does: 'go cold', why: payload.toString('latin1') }
    if (tag === 'x') {
      const [[, code] = []] = framesIn(payload)
      return { does: 'exit', code: code?.[0] ?? -1 }
    }
    if (tag !== 'a') continue
    const inserted = framesIn(payload).filter(([field]) => field === 'i')
    const text = Buffer.concat(inserted.map(([, bytes]) => bytes)).toString('latin1')
    return { does: 'accept', tag: /^X-QHPSI: ([^\r\n]*)/m.exec(text)?.[1] }
  }
  throw new Error('no answer')
}

function framesIn(bytes: Buffer): [tag: string, payload: Buffer][] {
  const found: [string, Buffer][] = []
  const reader = createFrameReader({
    room(_, length) {
      if (length > bytes.length) throw new Error('an answer that makes no sense')
      return Buffer.alloc(length)
    },
    take: (tag, payload) => found.push([tag, payload]),
  })
  reader.push(bytes)
  return found
}

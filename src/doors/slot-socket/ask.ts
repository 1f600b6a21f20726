import { closeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import { loadPassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { writeWhole } from '../../ground/process/write-whole.ts'
import { TOP_LINE } from '../../message/top-line.ts'
import { createFrameReader, frame, uint32, uint64 } from './frames.ts'
import { VERSION } from './request.ts'

/** A question about a message: doc/slot-protocol.md, "What the client sends". */
export interface SlotQuestion {
  readonly variables: Readonly<Record<string, string>>
  /** Milliseconds for scanning. */
  readonly timeLeft: number
  /** The envelope as qmail-queue(8) gets it on descriptor 1. */
  readonly envelope: Buffer
  readonly message: Buffer
}

/** What the client has to do, by onescand's answer. */
export type SlotAnswer =
  /** `tag`: the value of the field X-QHPSI that is added; undefined if none is. */
  | { readonly does: 'accept'; readonly tag: string | undefined }
  | { readonly does: 'exit'; readonly code: number }
  | { readonly does: 'go cold'; readonly why: string }

/**
 * Bytes of the longest answer with its heartbeats: doc/slot-protocol.md, "What the daemon sends".
 */
const ANSWER_MAX = 512 * 1024

/**
 * Asks the onescand at a socket about a message, as onescanc does. The message is handed over as a
 * file if this runtime can do that. Rejects if there is no answer within so many milliseconds.
 */
export async function askSlot(
  path: string,
  question: SlotQuestion,
  within: number,
): Promise<SlotAnswer> {
  return readAnswer(await converse(path, question, within))
}

/** The functions to hand files over, loaded once. They hold nothing of any message. */
let loading: ReturnType<typeof loadPassedDescriptors> | undefined

/** Resolves with all bytes that onescand answers until it closes the connection. */
async function converse(path: string, question: SlotQuestion, within: number): Promise<Buffer> {
  loading ??= loadPassedDescriptors()
  const passing = await loading
  const file = passing?.memoryFile() ?? -1
  if (passing === undefined || file < 0) {
    const frames = questionFrames(question, 'sent')
    return hearOut(path, within, (socket) => socket.write(frames))
  }
  try {
    const bytes = Buffer.concat([TOP_LINE, question.message])
    writeWhole(file, bytes)
    passing.seal(file)
    const frames = questionFrames(question, 'handed over')
    return await hearOut(path, within, (socket) => {
      const fd = descriptorOf(socket)
      if (fd === undefined || passing.send(fd, frames, file) !== 'sent') {
        socket.destroy(new Error('the message could not be handed over'))
      }
    })
  } finally {
    closeSync(file)
  }
}

/** Returns the whole question in frames. */
function questionFrames(
  { variables, timeLeft, envelope, message }: SlotQuestion,
  way: 'sent' | 'handed over',
): Buffer {
  return Buffer.concat([
    frame('1', Buffer.from(VERSION)),
    ...Object.entries(variables).map(([name, value]) =>
      frame('V', Buffer.from(`${name}=${value}`)),
    ),
    frame('R', Buffer.of(1)),
    frame('D', uint32(timeLeft)),
    frame('E', envelope),
    ...(way === 'sent' ? [] : [frame('F', uint64(TOP_LINE.length))]),
    frame('S', uint64(message.length)),
    ...(way === 'sent' ? [frame('M', message)] : []),
    frame('.'),
  ])
}

/** Connects, calls `send`, and resolves with all bytes of the answer. */
function hearOut(path: string, within: number, send: (socket: Socket) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const socket = connect({ path, allowHalfOpen: true })
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), within)
    socket.on('connect', () => send(socket))
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
  })
}

function readAnswer(bytes: Buffer): SlotAnswer {
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

import { type FrameMemory, FrameReader, HEAD } from '../frames.ts'

/** The payload of the first frame of a conversation. */
export const PROTOCOL_VERSION = 'osc1'

/** The types of the frames of a conversation about a message. */
export const frameType = {
  version: '1',
  variable: 'V',
  takesReply: 'R',
  timeLeft: 'D',
  envelope: 'E',
  size: 'S',
  message: 'M',
  end: '.',

  acknowledged: 'A',
  working: 'h',
  standalone: 'C',
  accept: 'a',
  exit: 'x',
} as const

/** The types of the fields of an answer. */
export const fieldType = {
  bodyOffset: 'B',
  kept: 'k',
  inserted: 'i',
  envelope: 'e',
  exitCode: 'c',
  reply: 't',
  logLine: 'l',
  end: '.',
} as const

/** The fields of each answer: the one that comes first, then those that may follow in any order. */
export const answerFields = {
  accept: [
    fieldType.bodyOffset,
    fieldType.kept,
    fieldType.inserted,
    fieldType.envelope,
    fieldType.logLine,
  ],
  exit: [fieldType.exitCode, fieldType.reply, fieldType.logLine],
} as const

/** The type of the question to onescand about itself, and of its answer. */
export const DESCRIBE = 't'
/** The type of the question to run a command, and of the answer with its exit code. */
export const RUN = 'r'
/** The streams of that command: standard input, standard output and standard error. */
export const COMMAND_STREAMS = { input: 'i', output: 'o', errors: 'e' } as const

/**
 * Returns a reader of the frames of a conversation: slot-protocol.md. `check` is called when a frame begins.
 * It throws if the frame is not permitted, before a byte of it is kept.
 */
export function createFrameReader(
  check: (type: string, length: number) => void,
  memory?: FrameMemory,
): FrameReader {
  return new FrameReader({
    ...(memory ? { memory } : {}),
    readHead(head) {
      const type = String.fromCharCode(head[0]!)
      const length = head.readUInt32BE(1)
      check(type, length)
      return { type, length }
    },
  })
}

/** Returns a frame, or a field of one, which has the same form. */
export function frame(type: string, ...payload: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(HEAD)
  head[0] = type.charCodeAt(0)
  let length = 0
  for (const part of payload) length += part.length
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, ...payload], HEAD + length)
}

/** Returns an unsigned big-endian number of 64 bits. */
export function uint64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

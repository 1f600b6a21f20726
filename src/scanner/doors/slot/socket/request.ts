import type { MemoryLease } from '../../../../base/flow/memory-budget.ts'
import { ENVELOPE_MAX } from '../../../../mail/message/envelope.ts'
import type { Intake } from '../../../../mail/message/intake.ts'
import type { Message } from '../../../../mail/message/message.ts'
import type { Frame, FrameReader } from '../../../protocol/frames.ts'
import {
  COMMAND_STREAMS,
  createFrameReader,
  DESCRIBE,
  frameType,
  PROTOCOL_VERSION,
  RUN,
} from '../../../protocol/slot/slot-frames.ts'
import { ScanStandalone } from './scan-standalone.ts'

/** A message that a client submits: slot-protocol.md, QUESTION. */
export interface Request {
  /** The variables of the client's environment that onescan uses. */
  readonly variables: ReadonlyMap<string, string>
  /** Whether the client's descriptor for replies accepts one. */
  readonly takesReply: boolean
  /** Milliseconds for scanning. */
  readonly timeLeft: number
  /** The envelope as the client got it on descriptor 1. */
  readonly envelope: Buffer
  /** Bytes of the message. */
  readonly size: number
  /** Makes the message, which the caller closes. May be called once. */
  makeMessage(): Message
}

/** A request about onescand itself: slot-protocol.md, COMMANDS. */
export type DaemonQuestion =
  /** Its state, with or without a self-test. */
  | { readonly kind: 'describe'; readonly wantsSelfTest: boolean }
  /** To run a command: JSON of a ServiceCommand. */
  | { readonly kind: 'run'; readonly command: string }

interface RequestLimits {
  /** Bytes of a message. */
  readonly maxSize: number
  /** Charged before memory is allocated for what the client sends. */
  readonly lease: MemoryLease
  /** Called when the head is complete. Returns the intake for a message of this size. */
  readonly openIntake: (size: number) => Intake
}
/** Bytes of such a question at most: it may have all settings in it. */
const RUN_MAX = 128 * 1024
const VARIABLES_MAX = 256
/** Bytes that are charged for a variable in addition to its name and value. */
const VARIABLE_COST = 256
/** Upper limit, in bytes, for a piece of the message in one frame. */
const REQUEST_PIECE_MAX = 64 * 1024

interface FrameRule {
  /** The position of the frame in the required order. */
  readonly order: number
  /** Bytes of the longest payload. */
  readonly limit: number
  readonly isExact?: true
  readonly isOptional?: true
  readonly repeats?: true
}

/** The frames of a request, by their types. */
export const frameRules: Readonly<Record<string, FrameRule>> = {
  [frameType.version]: { order: 0, limit: 4, isExact: true },
  [frameType.variable]: { order: 1, limit: 64 * 1024, isOptional: true, repeats: true },
  [frameType.takesReply]: { order: 2, limit: 1, isExact: true },
  [frameType.timeLeft]: { order: 3, limit: 4, isExact: true },
  [frameType.envelope]: { order: 4, limit: ENVELOPE_MAX },
  [frameType.size]: { order: 5, limit: 8, isExact: true },
  [frameType.message]: { order: 6, limit: REQUEST_PIECE_MAX, isOptional: true, repeats: true },
  [frameType.end]: { order: 7, limit: 0, isExact: true },
}

const inOrder = Object.values(frameRules)

/** Reads one request from any split of its bytes. */
export class SlotRequestReader {
  readonly #limits: RequestLimits
  readonly #variables = new Map<string, string>()
  #next = 0 // the order of the first rule without a frame
  #takesReply = false
  #timeLeft = 0
  #envelope: Buffer = Buffer.alloc(0)
  /** The message, once its size is known. */
  #content: { readonly size: number; readonly intake: Intake; received: number } | undefined
  #request: Request | undefined
  #aboutDaemon: DaemonQuestion | undefined

  readonly #frames: FrameReader

  constructor(limits: RequestLimits) {
    this.#limits = limits
    const { lease } = limits
    this.#frames = createFrameReader((type, length) => this.#check(type, length), {
      charge: (bytes) => lease.charge(bytes),
      release: ({ length }) => lease.release(length),
    })
  }

  /** Takes the next bytes, in any split. Throws ScanStandalone if they are not a request, or too many. */
  push(chunk: Buffer): void {
    this.#frames.push(chunk)
    for (let next = this.#frames.next(); next; next = this.#frames.next()) this.#take(next)
    const isWhole = this.#request !== undefined || this.#aboutDaemon?.kind === 'describe'
    if (isWhole && this.#frames.isAmidst) throw new ScanStandalone('bytes after the last frame')
  }

  /** Milliseconds for scanning, once all frames except the message have arrived. */
  get timeLeft(): number | undefined {
    return this.#content === undefined ? undefined : this.#timeLeft
  }

  /** The variables received until now. */
  get variables(): Request['variables'] {
    return this.#variables
  }

  /** The request, once all of it has arrived. */
  get request(): Request | undefined {
    return this.#request
  }

  /** Set if the client's request is not about a message, but about onescand itself. */
  get aboutDaemon(): DaemonQuestion | undefined {
    return this.#aboutDaemon
  }

  /** Takes what such a command reads: a piece that is no longer changed. An empty one is the end. */
  onInput: (bytes: Buffer) => void = () => {}

  /**
   * Frees the message. Called once the message is closed, or if none was created. The reader drops its
   * reference, because the reader may live longer: V8 keeps the old entries of a Set whose table was replaced
   * until a full collection.
   */
  free(): void {
    this.#content?.intake.close()
    this.#content = undefined
    this.#request = undefined
  }

  /** Throws ScanStandalone unless there may be such a frame now, and charges what will be made of it. */
  #check(type: string, length: number): void {
    const { lease } = this.#limits
    if (this.#aboutDaemon !== undefined) this.#checkInput(type, length, this.#aboutDaemon)
    else if (type === DESCRIBE && this.#next === 1 && length <= 1) return
    else if (type === RUN && this.#next === 1 && length <= RUN_MAX) lease.charge(length)
    else this.#checkOfRequest(type, length)
  }

  #checkOfRequest(type: string, length: number): void {
    const { lease } = this.#limits
    const rule = Object.hasOwn(frameRules, type) ? frameRules[type] : undefined
    if (rule === undefined) throw new ScanStandalone('a frame of an unknown type')
    this.#checkOrder(type, rule)
    if (length > rule.limit || (rule.isExact && length !== rule.limit)) {
      throw new ScanStandalone(`frame ${type} of ${length} bytes`)
    }
    if (type === frameType.message) this.#countPiece(length)
    else if (type === frameType.variable) lease.charge(2 * length + VARIABLE_COST)
    else if (type === frameType.envelope) lease.charge(2 * length) // it is copied again when it is read
  }

  #checkInput(type: string, length: number, { kind }: DaemonQuestion): void {
    if (type !== COMMAND_STREAMS.input || length > REQUEST_PIECE_MAX || kind !== 'run') {
      throw new ScanStandalone('bytes after the last frame')
    }
  }

  #checkOrder(type: string, rule: FrameRule): void {
    const isRepeated = rule.repeats && rule.order === this.#next - 1
    const skipped = inOrder.slice(this.#next, rule.order).find(({ isOptional }) => !isOptional)
    if (!isRepeated && (rule.order < this.#next || skipped))
      throw new ScanStandalone(`frame ${type} out of order`)
    this.#next = rule.order + 1
  }

  #countPiece(length: number): void {
    const content = this.#begun()
    content.received += length
    if (content.received > content.size) throw new ScanStandalone('a message longer than its size')
  }

  #take({ type, payload }: Frame): void {
    switch (type) {
      case frameType.version:
        if (payload.toString('latin1') !== PROTOCOL_VERSION) {
          throw new ScanStandalone('another version of onescanc')
        }
        return
      case frameType.variable:
        this.#takeVariable(payload.toString())
        return
      case frameType.takesReply:
        if (payload[0]! > 1)
          throw new ScanStandalone(`frame ${frameType.takesReply} is neither 0 nor 1`)
        this.#takesReply = payload[0] === 1
        return
      case frameType.timeLeft:
        this.#timeLeft = payload.readUInt32BE()
        return
      case frameType.envelope:
        this.#envelope = Buffer.from(payload)
        return
      case frameType.size:
        this.#takeSize(payload.readBigUInt64BE())
        return
      case frameType.message:
        this.#begun().intake.write(payload)
        return
      case DESCRIBE:
        this.#aboutDaemon = { kind: 'describe', wantsSelfTest: payload[0] === 1 }
        return
      case RUN:
        this.#aboutDaemon = { kind: 'run', command: payload.toString() }
        return
      case COMMAND_STREAMS.input:
        this.onInput(Buffer.from(payload))
        return
      case frameType.end:
        this.#end()
    }
  }

  #takeVariable(text: string): void {
    const equals = text.indexOf('=')
    const name = text.slice(0, equals)
    if (equals < 1 || text.includes('\0')) throw new ScanStandalone('a variable without a name')
    if (this.#variables.has(name)) throw new ScanStandalone(`variable ${name} occurs twice`)
    if (this.#variables.size === VARIABLES_MAX)
      throw new ScanStandalone(`over ${VARIABLES_MAX} variables`)
    this.#variables.set(name, text.slice(equals + 1))
  }

  #takeSize(bytes: bigint): void {
    const { maxSize, openIntake } = this.#limits
    if (bytes > BigInt(maxSize)) {
      throw new ScanStandalone(`a message of ${bytes} bytes exceeds ${maxSize} (--max-size)`)
    }
    const size = Number(bytes)
    this.#content = { size, intake: openIntake(size), received: 0 }
  }

  /** The message. The order of frames has ensured that its size came before. */
  #begun() {
    if (this.#content === undefined) throw new ScanStandalone('a message before its size')
    return this.#content
  }

  #end(): void {
    const { size, intake, received } = this.#begun()
    if (received < size) throw new ScanStandalone('a message shorter than its size')
    this.#request = {
      variables: this.#variables,
      takesReply: this.#takesReply,
      timeLeft: this.#timeLeft,
      envelope: this.#envelope,
      size,
      makeMessage: () => intake.finish(),
    }
  }
}

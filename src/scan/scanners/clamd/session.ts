import { readSync } from 'node:fs'
import { errorCode, errorText } from '../../../ground/errors/fault.ts'
import { descriptorOf } from '../../../ground/process/descriptors.ts'
import type { System } from '../../../ground/runtime/system.ts'
import type { ClamdAddress } from './address.ts'
import { CLAMD_REPLY_MAX, ClamdReplyReader } from './clamd-reply.ts'
import { type Connection, loadConnect } from './connect.ts'

/** The outcome of one conversation with clamd; `why` is one line without the address. */
export type ClamdOutcome<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** There was no connection, so nothing was sent. The message may go to another server. */
  | {
      readonly kind: 'unreachable'
      readonly why: string
      readonly state: Absence
      /** Set if a kept connection broke in the same conversation a moment before. */
      readonly broke?: true
    }
  /** The server took the connection and closed it before its reply was whole. */
  | { readonly kind: 'broken'; readonly why: string; readonly begun: boolean }
  /** The signal fired. clamd may go on scanning, so it is not asked again. `broke` as above. */
  | { readonly kind: 'timed-out'; readonly why: string; readonly broke?: true }

/**
 * Why there is no connection. `full`: the server's queue of connections is full. `refused`: nobody
 * listens. `silent`: the server says nothing, which over TCP may be a full queue, too. `gone`:
 * there is no such socket or host, or no right to connect.
 */
export type Absence = 'full' | 'refused' | 'silent' | 'gone'

/** What is sent in one call: bytes, perhaps with a descriptor, which stays open here. */
type ClamdPacket = Buffer | { readonly bytes: Buffer; readonly descriptor: number }

/** Commands that are sent together, and what is made of their replies. */
export interface ClamdCommands<Answer> {
  /** The number of commands; each gets a reply. */
  readonly count: number
  /**
   * Returns what is sent. It is called anew if the commands have to be sent again. A packet is asked for
   * only when the kernel has taken the one before, so that packets can share a buffer.
   */
  packets(): Iterator<ClamdPacket>
  /** Reads the replies as one answer. */
  read(replies: ClamdReplies): Answer
}

export interface ClamdReplies {
  /** In the order of the commands, each up to its NUL and without its number. */
  readonly replies: readonly Buffer[]
  /** Whether the kernel had taken all packets when the last reply came. */
  readonly sentAll: boolean
}

/** Commands that are being sent or answered. */
interface Question {
  /** The number of the first command, and the number of all. */
  readonly first: number
  readonly count: number
  readonly packets: Iterator<ClamdPacket>
  readonly reader: ClamdReplyReader
  sentAll: boolean
  resolve(outcome: ClamdOutcome<ClamdReplies>): void
  reject(thrown: unknown): void
}

const GREETING = Buffer.from('zIDSESSION\0')

const absences: Readonly<Record<string, Absence>> = {
  EAGAIN: 'full',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'silent',
}

/** Milliseconds for a TCP connection: time for SYN and two repetitions (after 1 and 3 s). */
const CONNECT_TIMEOUT = 5_000

/** Milliseconds until a socket that took nothing is tried again. */
const FULL_FOR = 2

/** A function of the runtime, which all connections share: it holds nothing of any message. */
let loading: ReturnType<typeof loadConnect> | undefined

/**
 * A session with clamd (IDSESSION, clamd(8)) on a connection of its own, which the first question makes:
 * each reply bears the number of its command. clamd's threads answer commands that are sent together in
 * any order. The sending side stays open: if it were closed, clamd would believe that the client has gone.
 */
export class ClamdSession {
  readonly #address: ClamdAddress
  readonly #passing: System | undefined
  #socket: Connection | undefined
  #isConnected = false
  #isOver = false
  /** Commands sent so far. */
  #commands = 0
  /** The question that is open. */
  #question: Question | undefined
  #dialling: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined
  #pause: NodeJS.Timeout | undefined

  /** `passing` is needed to send descriptors. */
  constructor(address: ClamdAddress, passing?: System) {
    this.#address = address
    this.#passing = passing
  }

  /** False once nothing can be asked any more. */
  get isOpen(): boolean {
    return !this.#isOver
  }

  /**
   * Sends the commands, and takes their replies; one question at a time. A reply that comes early ends
   * the sending. Anything but whole replies to all that was sent ends the session. So does an error of
   * `packets`, which is thrown on.
   */
  async ask<Answer>(
    { count, packets, read }: ClamdCommands<Answer>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer>> {
    // Loading it takes 2 ms, which mail that needs no scan should not pay.
    loading ??= loadConnect()
    const connect = await loading
    if (signal.aborted) {
      this.end() // nothing was sent, so it may have no connection yet
      return timedOut
    }
    const first = this.#commands + 1
    this.#commands += count
    const abort = () => this.#finish(timedOut)
    signal.addEventListener('abort', abort)
    try {
      const outcome = await new Promise<ClamdOutcome<ClamdReplies>>((resolve, reject) => {
        const sent = first === 1 ? greeted(packets()) : packets()
        const reader = new ClamdReplyReader(count)
        const question = { first, count, packets: sent, reader, sentAll: false, resolve, reject }
        this.#question = question
        if (this.#isConnected) this.#next(question)
        else this.#dial(connect)
      })
      if (outcome.kind !== 'answered') return outcome
      return { kind: 'answered', answer: read(outcome.answer) }
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** Ends the connection, and leaves no descriptor, listener or timer behind. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#dialling)
    this.#socket
      ?.removeAllListeners()
      .on('error', () => {})
      .destroy()
  }

  #dial(connect: Awaited<ReturnType<typeof loadConnect>>): void {
    const address = this.#address
    const socket =
      address.kind === 'unix'
        ? connect({ path: address.path })
        : connect({ host: address.host, port: address.port, noDelay: true })
    this.#socket = socket
    if (address.kind === 'tcp') {
      const why = `no connection within ${CONNECT_TIMEOUT / 1000} seconds`
      this.#dialling = setTimeout(
        () => this.#finish({ kind: 'unreachable', why, state: 'silent' }),
        CONNECT_TIMEOUT,
      )
    }
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('end', () => this.#fail())
    socket.on('error', (error) => this.#fail(error))
    socket.on('connect', () => {
      this.#isConnected = true
      clearTimeout(this.#dialling)
      if (this.#question) this.#next(this.#question)
    })
  }

  /** Takes the next packet, and sends it: at once, or after a turn of the event loop. */
  #next(question: Question, afterTurn = false): void {
    try {
      const packet = question.packets.next()
      if (packet.done) question.sentAll = true
      else if (!afterTurn) this.#send(question, packet.value)
      else this.#turn = setImmediate(() => this.#send(question, packet.value))
    } catch (thrown) {
      question.reject(thrown)
      this.#finish(timedOut)
    }
  }

  #send(question: Question, packet: ClamdPacket): void {
    if (!Buffer.isBuffer(packet)) {
      this.#pass(question, packet)
      return
    }
    this.#socket!.write(packet, (error) => {
      if (this.#question !== question) return
      if (error) this.#failToSend(error)
      // The turn in between: a server that reads as fast as this writes would keep both its early
      // reply and the deadline waiting.
      else this.#next(question, true)
    })
  }

  /** Sends by the descriptor itself. Nothing waits in the socket, since each packet before was taken. */
  #pass(question: Question, packet: Exclude<ClamdPacket, Buffer>): void {
    const fd = descriptorOf(this.#socket!)
    const { bytes, descriptor } = packet
    const done = fd === undefined ? 'failed' : this.#passing?.passDescriptor(fd, bytes, descriptor)
    if (done === 'sent') this.#next(question)
    else if (done === 'nothing') {
      this.#pause = setTimeout(() => this.#pass(question, packet), FULL_FOR)
    } else this.#failToSend(new Error('takes no descriptor'))
  }

  #receive(chunk: Buffer): void {
    const question = this.#question
    // Bytes that nobody asked for mean that the server is about to close the connection.
    if (question === undefined) this.end()
    else if (question.reader.push(chunk)) this.#answer(question)
  }

  #answer({ reader, first, count, sentAll }: Question): void {
    const found = readNumbered(reader.bytes(), first, count)
    if (found === undefined) {
      const why = 'answered something else than what it was asked'
      this.#finish({ kind: 'broken', why, begun: false })
      return
    }
    this.#finish({ kind: 'answered', answer: { replies: found.replies, sentAll } })
    // Further bytes might be taken for the answer to the next question.
    if (!found.isAll) this.end()
  }

  #failToSend(error: Error): void {
    this.#receive(unread(this.#socket!))
    if (this.#question) this.#fail(error)
  }

  /** Notes that there is no connection, or that it broke. */
  #fail(error?: Error): void {
    if (this.#question === undefined) this.end()
    else if (error && !this.#isConnected) this.#finish(absent(error))
    else this.#finish(broken(error, this.#question.reader))
  }

  /** Ends the question; and the session, unless it can take another one. */
  #finish(outcome: ClamdOutcome<ClamdReplies>): void {
    const question = this.#question
    if (question === undefined) return
    this.#question = undefined
    if (outcome.kind !== 'answered' || !question.sentAll) this.end()
    clearImmediate(this.#turn)
    clearTimeout(this.#pause)
    question.packets.return?.()
    question.resolve(outcome)
  }
}

const timedOut = { kind: 'timed-out', why: 'no answer within the time limit' } as const

function broken(
  error: Error | undefined,
  { length }: Pick<ClamdReplyReader, 'length'>,
): ClamdOutcome<never> {
  const begun = length > 0
  const how = begun ? 'broke off in its reply' : 'closed the connection without a reply'
  const why = error ? `${how} (${errorCode(error) || errorText(error)})` : how
  return { kind: 'broken', why, begun }
}

/** The outcome of an attempt to connect that failed. */
function absent(error: Error): ClamdOutcome<never> {
  const code = errorCode(error)
  const state = absences[code] ?? 'gone'
  const what = state === 'full' ? 'its queue of connections is full' : 'cannot connect'
  return { kind: 'unreachable', why: `${what} (${code || errorText(error)})`, state }
}

/** The packets of the first question on a connection, of which the first packet opens the session, too. */
function* greeted(packets: Iterator<ClamdPacket>): Generator<ClamdPacket> {
  try {
    let packet = packets.next()
    if (!packet.done) yield withGreeting(packet.value)
    for (packet = packets.next(); !packet.done; packet = packets.next()) yield packet.value
  } finally {
    packets.return?.()
  }
}

function withGreeting(packet: ClamdPacket): ClamdPacket {
  if (Buffer.isBuffer(packet)) return Buffer.concat([GREETING, packet])
  return { ...packet, bytes: Buffer.concat([GREETING, packet.bytes]) }
}

/**
 * Reads the replies in the order of their commands, each with its NUL, if it has one, and without its
 * number. Undefined unless there is one reply for each of the `count` numbers from `first` on. `isAll`
 * says that they are whole, and nothing stands after them.
 */
function readNumbered(
  bytes: Buffer,
  first: number,
  count: number,
): { readonly replies: readonly Buffer[]; readonly isAll: boolean } | undefined {
  const replies: Buffer[] = new Array(count)
  let at = 0
  for (let left = count; left > 0; left--) {
    const end = bytes.indexOf(0, at) + 1 || bytes.length
    const [whole, digits] = /^([0-9]{1,10}): /.exec(bytes.toString('latin1', at, end)) ?? []
    const index = Number(digits) - first
    if (whole === undefined || index < 0 || index >= count || replies[index]) return undefined
    replies[index] = bytes.subarray(at + whole.length, end)
    at = end
  }
  return { replies, isAll: at === bytes.length && bytes.at(-1) === 0 }
}

/**
 * Reads what lies in a socket whose write has just failed: clamd says there why it hung up (its
 * size limit). node:net would drop it with the socket, so it is read from the descriptor. Empty if
 * the runtime does not show the descriptor.
 */
function unread(socket: Connection): Buffer {
  const fd = descriptorOf(socket)
  const room = Buffer.alloc(CLAMD_REPLY_MAX)
  try {
    return fd === undefined ? Buffer.alloc(0) : room.subarray(0, readSync(fd, room))
  } catch {
    return Buffer.alloc(0) // EAGAIN or ECONNRESET: there is nothing to read
  }
}

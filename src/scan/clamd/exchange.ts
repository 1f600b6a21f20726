import { readSync } from 'node:fs'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import type { Connection } from '../../ground/net/connect.ts'
import { descriptorOf } from '../../ground/net/descriptor-of.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { Absence, ClamdOutcome, ClamdPacket } from './clamd-outcome.ts'
import { ClamdReplyReader, REPLY_MAX } from './clamd-reply.ts'

/** Milliseconds until a socket that took nothing is tried again. */
const FULL_FOR = 2

/** The bytes that came back. */
export interface RawReplies {
  /** The replies up to the last one's NUL, perhaps more; without NULs REPLY_MAX bytes for each. */
  readonly bytes: Buffer
  /** Whether the kernel had taken all packets when the reply came. */
  readonly sentAll: boolean
}

export interface ClamdExchangeOptions {
  readonly packets: Iterator<ClamdPacket>
  /** The number of replies to take. */
  readonly replies: number
  readonly signal: AbortSignal
  /** Passes descriptors; needed for packets with one. */
  readonly passing: PassedDescriptors | undefined
  readonly endConnection: () => void
  /** Called once, when the exchange is over. */
  readonly over: () => void
}

/** One exchange over a connection, which tells it what happens. */
export class Exchange {
  /** Resolves when the exchange is over; rejects with what `packets` throws. */
  readonly outcome: Promise<ClamdOutcome<RawReplies>>
  readonly #options: ClamdExchangeOptions
  readonly #reply: ClamdReplyReader
  #resolve: (outcome: ClamdOutcome<RawReplies>) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #socket: Connection | undefined
  #sentAll = false
  #isOver = false
  #turn: NodeJS.Immediate | undefined
  #pause: NodeJS.Timeout | undefined
  readonly #abort = () => this.#finish(timedOut)

  constructor(options: ClamdExchangeOptions) {
    this.#options = options
    this.#reply = new ClamdReplyReader(options.replies)
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    options.signal.addEventListener('abort', this.#abort)
  }

  /** Begins to send: there is a connection. */
  begin(socket: Connection): void {
    this.#socket = socket
    this.#next((packet) => this.#send(packet))
  }

  /** Takes bytes of the server. */
  receive(chunk: Buffer): void {
    if (!this.#reply.push(chunk)) return
    const bytes = this.#reply.bytes()
    // Further bytes might be taken for the answer to the next question.
    if (endOfReplies(bytes, this.#options.replies) !== bytes.length) this.#options.endConnection()
    this.#finish({ kind: 'answered', answer: { bytes, sentAll: this.#sentAll } })
  }

  /** Ends the exchange because the connection broke. */
  fail(error?: Error): void {
    this.#finish(broken(error, this.#reply.length))
  }

  /** Ends the exchange because there is no connection. */
  giveUp(why: string, state: Absence): void {
    this.#finish({ kind: 'unreachable', why, state })
  }

  /** Takes the next packet and has it sent. */
  #next(send: (packet: ClamdPacket) => void): void {
    try {
      const packet = this.#options.packets.next()
      if (packet.done) this.#sentAll = true
      else send(packet.value)
    } catch (thrown) {
      this.#options.endConnection()
      this.#leave()
      this.#reject(thrown)
    }
  }

  #send(packet: ClamdPacket): void {
    if (!Buffer.isBuffer(packet)) {
      this.#pass(packet)
      return
    }
    this.#socket!.write(packet, (error) => {
      if (this.#isOver) return
      if (error) {
        this.#failToSend(error)
        return
      }
      // A turn of the event loop in between, or a server that reads as fast as
      // this writes would keep both its early reply and the deadline waiting.
      this.#next((following) => {
        this.#turn = setImmediate(() => this.#send(following))
      })
    })
  }

  /** Sends by the descriptor itself. Nothing waits in the socket, since each packet before was taken. */
  #pass(packet: Exclude<ClamdPacket, Buffer>): void {
    const fd = descriptorOf(this.#socket!)
    const { bytes, descriptor } = packet
    const done = fd === undefined ? 'failed' : this.#options.passing?.send(fd, bytes, descriptor)
    if (done === 'sent') this.#next((following) => this.#send(following))
    else if (done === 'nothing') this.#pause = setTimeout(() => this.#pass(packet), FULL_FOR)
    else this.#failToSend(new Error('takes no descriptor'))
  }

  #failToSend(error: Error): void {
    this.receive(unread(this.#socket!))
    if (!this.#isOver) this.fail(error)
  }

  #finish(outcome: ClamdOutcome<RawReplies>): void {
    if (outcome.kind !== 'answered' || !this.#sentAll) this.#options.endConnection()
    this.#leave()
    this.#resolve(outcome)
  }

  #leave(): void {
    this.#isOver = true
    clearImmediate(this.#turn)
    clearTimeout(this.#pause)
    this.#options.signal.removeEventListener('abort', this.#abort)
    this.#options.over()
    this.#options.packets.return?.()
  }
}

/** The offset behind the NUL of the last reply; -1 if there are fewer replies. */
function endOfReplies(bytes: Buffer, replies: number): number {
  let at = 0
  for (let left = replies; left > 0; left--) {
    const end = bytes.indexOf(0, at)
    if (end < 0) return -1
    at = end + 1
  }
  return at
}

export const timedOut = { kind: 'timed-out', why: 'no answer within the time limit' } as const

function broken(error: Error | undefined, length: number): ClamdOutcome<never> {
  const begun = length > 0
  const how = begun ? 'broke off in its reply' : 'closed the connection without a reply'
  const why = error ? `${how} (${errorCode(error) || errorText(error)})` : how
  return { kind: 'broken', why, begun }
}

/**
 * Reads what lies in a socket whose write has just failed: clamd says there why it hung up (its
 * size limit). node:net would drop it with the socket, so it is read from the descriptor. Empty if
 * the runtime does not show the descriptor.
 */
function unread(socket: Connection): Buffer {
  const fd = descriptorOf(socket)
  const room = Buffer.alloc(REPLY_MAX)
  try {
    return fd === undefined ? Buffer.alloc(0) : room.subarray(0, readSync(fd, room))
  } catch {
    return Buffer.alloc(0) // EAGAIN or ECONNRESET: there is nothing to read
  }
}

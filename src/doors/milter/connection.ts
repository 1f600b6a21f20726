import type { Socket } from 'node:net'
import { errorText, isFault } from '../../ground/errors/fault.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import { HEADER_MAX } from '../../message/header-block.ts'
import type { ConnectionState } from '../shared/limits/eviction.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import { WireError } from '../shared/wire/wire-error.ts'
import type { MilterSession } from './session.ts'
import { parseCommand } from './wire/commands.ts'
import { MACROS_MAX } from './wire/macros.ts'
import { createPacketReader, type PacketMemory, type PacketReader } from './wire/packets.ts'
import { deferred, progress } from './wire/replies.ts'

/** Bytes of a packet: a header as large as any that is looked at, in one field. */
export const PACKET_MAX = HEADER_MAX + 64 * 1024
/** Bytes of a packet that is no content: a command of SMTP, or macros. */
export const COMMAND_MAX = 1 + MACROS_MAX
const CONTENT = 'LBE'
/** Bytes of a packet before the negotiation: that has thirteen. */
const NEGOTIATION_MAX = 64
/**
 * Most bytes that may wait while a message is judged: an MTA waits for the answer, and sends none.
 */
const WAITING_MAX = 256 * 1024
/**
 * Most bytes of answers that an MTA may not have taken when the next one is due; a single answer
 * may be larger.
 */
const UNTAKEN_MAX = 256 * 1024

/** Milliseconds. */
export interface MilterTimeouts {
  /** From the connection to the end of the negotiation, which MTAs begin at once. */
  readonly negotiation: number
  /** Between signs that a message is still being judged; Sendmail and Postfix wait 300 s at most. */
  readonly progressAfter: number
  /** Of silence amid a message's content or a packet, which an MTA has whole before it begins. */
  readonly stalled: number
  /** Of silence otherwise: an SMTP client may think as long; libmilter's own default. */
  readonly idle: number
  /** For the last word to be taken. */
  readonly leaving: number
}

export const standardTimeouts: MilterTimeouts = {
  negotiation: 10_000,
  progressAfter: 10_000,
  stalled: 600_000,
  idle: 7_210_000,
  leaving: 5_000,
}

export interface ConnectionOptions {
  readonly session: MilterSession
  /** Holds the part of a packet that is not whole yet, and what comes while the session is busy. */
  readonly lease: MemoryLease
  readonly timeouts: MilterTimeouts
  /** Milliseconds on a clock that never goes back. */
  now(): number
  /** For trouble with the MTA. */
  log(line: string): void
  /** The connection is closed, and holds nothing any more. */
  left(): void
  closed(): void
}

/** Carries packets between a socket and a session, one command after the other. */
export class MilterConnection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #session: MilterSession
  readonly #lease: MemoryLease
  readonly #reader: PacketReader
  readonly #began: number
  #heard: number
  #said: number
  #busy = false // with a command whose answer takes time
  #waiting = 0 // bytes that came meanwhile
  #finishing = false
  #leaveAt: number | undefined

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#session = options.session
    this.#lease = options.lease
    this.#reader = createPacketReader(PACKET_MAX, {
      lengthOf: (command) => this.#lengthOf(command),
      memory: memoryOf(options.lease),
    })
    this.#began = options.now()
    this.#heard = this.#began
    this.#said = this.#began
    socket.on('data', (chunk: Buffer) => this.#hear(chunk))
    socket.on('end', () => {
      if (this.#reader.amidst && !this.#isLeaving()) {
        options.log(`milter: ${this.#who()} stopped within a packet`)
      }
      this.#leave()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#leave()
      options.closed()
    })
  }

  /** Its state, to choose the connection that is closed to make room. */
  state(): ConnectionState {
    return {
      negotiated: this.#session.negotiated,
      busy: this.#busy,
      amidPacket: this.#reader.amidst,
      amidMessage: this.#session.amidMessage,
      amidContent: this.#session.amidContent,
      heard: this.#heard,
    }
  }

  /** Closes at once to make room for another one; a message under way is deferred. */
  evict(): void {
    if (this.#session.amidMessage) {
      this.#options.log(`milter: ${this.#who()} was silent, and was closed to make room`)
    }
    if (this.#session.negotiated) this.#say(deferred)
    this.#leave()
    this.#socket.destroySoon()
  }

  /** Sends what is due, and ends what takes too long; called every second or so. */
  tick(): void {
    const { now, timeouts } = this.#options
    const time = now()
    if (this.#leaveAt !== undefined) {
      if (time - this.#leaveAt > timeouts.leaving) this.#socket.destroy()
    } else if (!this.#session.negotiated) {
      if (time - this.#began > timeouts.negotiation) this.evict()
    } else if (this.#busy) {
      const isDue = time - this.#said >= timeouts.progressAfter
      if (this.#session.amidContent && isDue) this.#say(progress)
    } else {
      const stalled = this.#reader.amidst || this.#session.amidContent
      if (time - this.#heard > (stalled ? timeouts.stalled : timeouts.idle)) {
        this.#giveUp(new WireError('fell silent'))
      }
    }
  }

  /** Takes no more messages: ends at once, or when the message that is here is over. */
  finish(): void {
    this.#finishing = true
    if (!this.#session.amidMessage && !this.#busy) this.#leave()
  }

  /** A message under way is deferred, and the connection ends. */
  dismiss(): void {
    if (this.#isLeaving()) return
    this.#say(deferred)
    this.#leave()
  }

  #who(): string {
    return `the MTA${this.#socket.remoteAddress ? ` at ${this.#socket.remoteAddress}` : ''}`
  }

  #lengthOf(command: string): number {
    if (!this.#session.negotiated) return NEGOTIATION_MAX
    return CONTENT.includes(command) ? PACKET_MAX : COMMAND_MAX
  }

  #isLeaving(): boolean {
    return this.#leaveAt !== undefined
  }

  #hear(chunk: Buffer): void {
    if (this.#isLeaving()) return
    this.#heard = this.#options.now()
    this.#reader.push(chunk)
    if (!this.#busy) this.#work()
    if (!this.#busy)
      releaseBuffer(chunk) // read to its end; sessions keep copies alone
    else this.#letWait(this.#reader.pending)
  }

  #letWait(bytes: number): void {
    try {
      this.#lease.charge(bytes - this.#waiting)
      this.#waiting = bytes
      if (this.#waiting > WAITING_MAX) this.#socket.pause()
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** Takes what is here, up to a command whose answer takes time: most have none. */
  #work(): void {
    const reader = this.#reader
    this.#busy = true
    try {
      for (let packet = reader.next(); packet && !this.#isLeaving(); packet = reader.next()) {
        const answer = this.#session.take(parseCommand(packet))
        if (answer instanceof Promise) {
          void this.#await(answer)
          return
        }
        this.#say(answer)
        this.#leaveIfOver()
      }
    } catch (error) {
      this.#giveUp(error)
    }
    this.#busy = false
    if (!this.#isLeaving()) {
      this.#lease.release(this.#waiting)
      if (!reader.amidst && !this.#session.amidContent) reader.trim()
    }
    this.#waiting = 0
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  async #await(answer: Promise<Buffer | undefined>): Promise<void> {
    this.#said = this.#options.now()
    try {
      this.#say(await answer)
      this.#heard = this.#options.now()
      this.#leaveIfOver()
    } catch (error) {
      this.#giveUp(error)
    }
    this.#work()
  }

  #leaveIfOver(): void {
    if (this.#session.over || (this.#finishing && !this.#session.amidMessage)) this.#leave()
  }

  #say(answer: Buffer | undefined): void {
    if (answer === undefined || this.#isLeaving()) return
    this.#said = this.#options.now()
    if (this.#socket.writableLength > UNTAKEN_MAX) this.#socket.destroy()
    else this.#socket.write(answer)
  }

  /** Whatever the MTA does when a filter leaves, it has been told to defer the message. */
  #giveUp(error: unknown): void {
    const isExpected = error instanceof WireError || isFault(error)
    const stack = error instanceof Error && !isExpected ? error.stack : undefined
    this.#options.log(`milter: ${this.#who()}: ${stack ?? errorText(error)}`)
    this.#say(deferred)
    this.#leave()
  }

  /** What came and was not worked on will never be. */
  #leave(): void {
    if (this.#isLeaving()) return
    this.#leaveAt = this.#options.now()
    this.#session.close()
    this.#reader.close()
    this.#lease.close()
    this.#socket.end()
    this.#options.left()
  }
}

function memoryOf(lease: MemoryLease): PacketMemory {
  return {
    charge: (bytes) => lease.charge(bytes),
    release(packet) {
      lease.release(packet.length)
      releaseBuffer(packet) // at once, for the garbage collector may take its time
    },
  }
}

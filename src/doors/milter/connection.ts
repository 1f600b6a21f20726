import type { Socket } from 'node:net'
import { errorText, isFault } from '../../ground/errors/fault.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import { HEADER_MAX } from '../../message/header-block.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import { WireError } from '../shared/wire/wire-error.ts'
import type { MilterSession } from './session.ts'
import type { MilterTimeouts } from './time-limits.ts'
import { parseCommand } from './wire/commands.ts'
import { MACROS_MAX } from './wire/macros.ts'
import { createPacketReader, type PacketMemory, type PacketReader } from './wire/packets.ts'
import { deferred, progress } from './wire/replies.ts'

/** Bytes of a packet: one field may be as large as the largest header that is scanned. */
export const PACKET_MAX = HEADER_MAX + 64 * 1024
/** Bytes of a packet that holds no content but an SMTP command or macros. */
export const COMMAND_MAX = 1 + MACROS_MAX
const CONTENT = 'LBE'
/** Bytes of the packet of the negotiation, which needs thirteen. */
const NEGOTIATION_MAX = 64
/** Bytes that may wait while a message is judged: an MTA that waits for the answer sends none. */
const WAITING_MAX = 256 * 1024
/**
 * Bytes of answers that an MTA may leave untaken when the next answer is due. A single answer may
 * be larger.
 */
const UNTAKEN_MAX = 256 * 1024

export interface ConnectionOptions {
  readonly session: MilterSession
  /** Memory for a packet that has not come whole, and for what comes while the session is busy. */
  readonly lease: MemoryLease
  readonly timeouts: MilterTimeouts
  /** Milliseconds on a clock that never goes back. */
  uptime(): number
  /** Logs trouble with the MTA. */
  log(line: string): void
  /** Called when its socket is closed. */
  closed(): void
}

/** Carries packets between a socket and a session, one command after the other. */
export class MilterConnection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #session: MilterSession
  readonly #lease: MemoryLease
  readonly #reader: PacketReader
  readonly #beganAt: number
  #heardAt: number
  #saidAt: number
  #busy = false // while the answer to a command is awaited
  #waitingBytes = 0 // came while it was busy
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
    this.#beganAt = options.uptime()
    this.#heardAt = this.#beganAt
    this.#saidAt = this.#beganAt
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

  /**
   * Sends a progress packet if one is due, and gives up an MTA that takes too long. Called every
   * second or so.
   */
  tick(): void {
    const { uptime, timeouts } = this.#options
    const time = uptime()
    if (this.#leaveAt !== undefined) {
      if (time - this.#leaveAt > timeouts.leaving) this.#socket.destroy()
    } else if (!this.#session.negotiated) {
      if (time - this.#beganAt <= timeouts.negotiation) return
      this.#leave()
      this.#socket.destroySoon() // one that speaks no milter may not close its own side
    } else if (this.#busy) {
      const isDue = time - this.#saidAt >= timeouts.progressAfter
      if (this.#session.amidContent && isDue) this.#say(progress)
    } else {
      const stalled = this.#reader.amidst || this.#session.amidContent
      if (time - this.#heardAt > (stalled ? timeouts.stalled : timeouts.idle)) {
        this.#giveUp(new WireError('fell silent'))
      }
    }
  }

  /** Takes no more messages: the connection ends at once, or when its message is over. */
  finish(): void {
    this.#finishing = true
    if (!this.#session.amidMessage && !this.#busy) this.#leave()
  }

  /** Ends the connection; a message under way is deferred. */
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
    this.#heardAt = this.#options.uptime()
    this.#reader.push(chunk)
    if (!this.#busy) this.#work()
    if (!this.#busy)
      releaseBuffer(chunk) // it was read to its end, and sessions keep copies only
    else this.#letWait(this.#reader.pending)
  }

  #letWait(bytes: number): void {
    try {
      this.#lease.charge(bytes - this.#waitingBytes)
      this.#waitingBytes = bytes
      if (this.#waitingBytes > WAITING_MAX) this.#socket.pause()
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /**
   * Takes the packets that are here, until an answer must be awaited; most commands need no
   * waiting.
   */
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
      this.#lease.release(this.#waitingBytes)
      if (!reader.amidst && !this.#session.amidContent) reader.trim()
    }
    this.#waitingBytes = 0
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  async #await(answer: Promise<Buffer | undefined>): Promise<void> {
    this.#saidAt = this.#options.uptime()
    try {
      this.#say(await answer)
      this.#heardAt = this.#options.uptime()
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
    this.#saidAt = this.#options.uptime()
    if (this.#socket.writableLength > UNTAKEN_MAX) this.#socket.destroy()
    else this.#socket.write(answer)
  }

  /**
   * Logs the error and leaves. The MTA is told to defer before, whatever it does when a filter
   * leaves.
   */
  #giveUp(error: unknown): void {
    const isExpected = error instanceof WireError || isFault(error)
    const stack = error instanceof Error && !isExpected ? error.stack : undefined
    this.#options.log(`milter: ${this.#who()}: ${stack ?? errorText(error)}`)
    this.#say(deferred)
    this.#leave()
  }

  /** Frees everything and hangs up. What has come and was not taken is dropped. */
  #leave(): void {
    if (this.#isLeaving()) return
    this.#leaveAt = this.#options.uptime()
    this.#session.close()
    this.#reader.close()
    this.#lease.close()
    this.#socket.end()
  }
}

function memoryOf(lease: MemoryLease): PacketMemory {
  return {
    charge: (bytes) => lease.charge(bytes),
    release(packet) {
      lease.release(packet.length)
      releaseBuffer(packet) // now, because the garbage collector may take its time
    },
  }
}

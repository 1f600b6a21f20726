import type { Socket } from 'node:net'
import { errorText, isFault } from '../../ground/errors/fault.ts'
import type { MemoryLease } from '../../ground/flow/memory-budget.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import { HEADER_MAX } from '../../message/header-block.ts'
import { type ConnectionHost, DoorConnection } from '../shared/connection.ts'
import type { FrameReader } from '../shared/wire/frames.ts'
import { WireError } from '../shared/wire/wire-error.ts'
import type { MilterServer } from './server.ts'
import { MilterSession, type MilterWork } from './session.ts'
import type { MilterTimeouts } from './time-limits.ts'
import { parseCommand } from './wire/commands.ts'
import { MACROS_MAX } from './wire/macros.ts'
import { createPacketReader } from './wire/packets.ts'
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

/** What the door gives to the connection of an MTA. */
export interface MilterHost extends ConnectionHost {
  readonly server: MilterServer
  /** Memory for what comes on this connection, until it is over. */
  readonly lease: MemoryLease
  readonly timeouts: MilterTimeouts
  /** Logs trouble with the MTA. */
  log(line: string): void
}

/** The connection of an MTA: carries packets to its session, one command after the other. */
export class MilterConnection extends DoorConnection {
  readonly #host: MilterHost
  readonly #session: MilterSession
  readonly #reader: FrameReader
  #waitingBytes = 0 // came while it was busy
  #finishing = false

  constructor(socket: Socket, host: MilterHost) {
    super(socket, host)
    this.#host = host
    this.#session = new MilterSession(host.server, socket.remoteAddress === undefined)
    this.#reader = createPacketReader((command) => this.#mostFor(command), {
      charge: (bytes) => host.lease.charge(bytes),
      release(packet) {
        host.lease.release(packet.length)
        releaseBuffer(packet) // now, because the garbage collector may take its time
      },
    })
  }

  finish(): void {
    this.#finishing = true
    if (!this.#session.isAmidMessage && !this.isBusy) this.leave()
  }

  /** Ends the connection; a message under way is deferred. */
  dismiss(): void {
    this.leave(deferred)
  }

  protected hear(chunk: Buffer): void {
    this.#reader.push(chunk)
    if (!this.isBusy) this.#takePackets()
    if (!this.isBusy)
      releaseBuffer(chunk) // it was read to its end, and sessions keep copies only
    else this.#letWait(this.#reader.pending)
  }

  /**
   * The MTA has left: Sendmail and Postfix close the whole connection, when the time that they give
   * a filter is over or their client is gone, and never their own side alone. What is under way
   * ends unanswered, and nothing of it is kept: the MTA has decided without this filter, and the
   * client may send the message again.
   */
  protected heardEnd(): void {
    if (this.#reader.amidst) this.#host.log(`milter: ${this.#who()} stopped within a packet`)
    this.leave()
  }

  /** Sends a progress packet if one is due, and gives up an MTA that takes too long. */
  protected due(time: number): void {
    const { timeouts } = this.#host
    if (!this.#session.hasNegotiated) {
      if (time - this.beganAt <= timeouts.negotiation) return
      this.leave()
      this.socket.destroySoon() // one that speaks no milter may not close its own side
    } else if (this.isBusy) {
      const isDue = time - this.saidAt >= timeouts.progressAfter
      if (this.#session.isAmidContent && isDue) this.send(progress)
    } else {
      const stalled = this.#reader.amidst || this.#session.isAmidContent
      if (time - this.heardAt > (stalled ? timeouts.stalled : timeouts.idle)) {
        this.#giveUp(new WireError('fell silent'))
      }
    }
  }

  protected free(): void {
    this.#session.close()
    this.#reader.close()
    this.#host.lease.close()
  }

  #who(): string {
    return `the MTA${this.socket.remoteAddress ? ` at ${this.socket.remoteAddress}` : ''}`
  }

  #mostFor(command: string): number {
    if (!this.#session.hasNegotiated) return NEGOTIATION_MAX
    return CONTENT.includes(command) ? PACKET_MAX : COMMAND_MAX
  }

  #letWait(bytes: number): void {
    try {
      this.#host.lease.charge(bytes - this.#waitingBytes)
      this.#waitingBytes = bytes
      if (this.#waitingBytes > WAITING_MAX) this.socket.pause()
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /**
   * Takes the packets that are here, until an answer must be awaited; most commands need no
   * waiting.
   */
  #takePackets(): void {
    const reader = this.#reader
    try {
      while (!this.hasLeft) {
        const packet = reader.next()
        if (packet === undefined) break
        const answer = this.#session.take(parseCommand(packet))
        if (typeof answer === 'function') return void this.#await(answer)
        this.#answer(answer)
      }
    } catch (error) {
      this.#giveUp(error)
    }
    if (!this.hasLeft) {
      this.#host.lease.release(this.#waitingBytes)
      if (!reader.amidst && !this.#session.isAmidContent) reader.trim()
    }
    this.#waitingBytes = 0
    if (this.socket.isPaused()) this.socket.resume()
  }

  async #await(begin: MilterWork): Promise<void> {
    this.saidAt = this.now()
    try {
      this.#answer(await this.work(begin))
    } catch (error) {
      this.#giveUp(error)
    }
    this.#takePackets()
  }

  #answer(answer: Buffer | undefined): void {
    if (answer !== undefined) this.send(answer)
    if (this.#session.hasQuit || (this.#finishing && !this.#session.isAmidMessage)) this.leave()
  }

  /**
   * Logs the error and leaves. The MTA is told to defer before, whatever it does when a filter
   * leaves.
   */
  #giveUp(error: unknown): void {
    const isExpected = error instanceof WireError || isFault(error)
    const stack = error instanceof Error && !isExpected ? error.stack : undefined
    this.#host.log(`milter: ${this.#who()}: ${stack ?? errorText(error)}`)
    this.leave(deferred)
  }
}

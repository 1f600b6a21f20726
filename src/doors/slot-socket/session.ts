import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { errorText, isFault } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ColdWay } from '../../observe/live/process-report.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import { acknowledgement, goCold, heartbeat, sendIt } from './carry-out.ts'
import { takeFirstBytes } from './first-bytes.ts'
import { GoCold } from './go-cold.ts'
import { type Request, SlotRequestReader } from './request.ts'

/** Milliseconds: doc/design.md, "Time". */
export const SILENCE_MAX = 10_000
const HEAD_WITHIN = 10_000
const BEYOND_TIME_LEFT = 2_000
/**
 * A client that sends a byte now and then must not hold memory for ever, however long it may take.
 */
const SEND_WITHIN = 60_000
const ACKNOWLEDGE_AFTER = 250
const HEARTBEAT_AFTER = 600
/** The time for a client to take its answer. */
const LEAVE_WITHIN = 3_000

/**
 * The state of a conversation. `waiting`: the head of the request has not come whole, and no memory
 * is charged yet. `leaving`: the answer was written.
 */
export type Phase = 'waiting' | 'sending' | 'judging' | 'leaving' | 'closed'

/** What a conversation needs from the slot server. */
export interface SlotServer {
  readonly maxSize: number
  readonly lease: MemoryLease
  /** Takes files that clients hand over. Without it clients are asked to send their messages. */
  readonly passing: PassedDescriptors | undefined
  /** Milliseconds on the monotonic clock. */
  readonly uptime: () => number
  /**
   * Called once the head has come whole. Throws GoCold if there is no room for one more message.
   */
  admit(): void
  answer(request: Request, gone: AbortSignal, elapsed: () => number): Promise<Buffer>
  /** The answer about messages that are withheld from scanners. */
  withheld(): Buffer
  /** The conversation is over and holds nothing any more. */
  left(): void
  /** The client gets no answer to its request, of which these variables have come. */
  cold(way: ColdWay, variables: Request['variables']): void
  /** Logs onescand's own trouble. The client logs what concerns its message. */
  log(line: string): void
}

/** The conversation with one client, about one message. */
export class SlotSession {
  readonly #socket: Socket
  readonly #server: SlotServer
  readonly #reader: SlotRequestReader
  readonly #gone = new AbortController()
  readonly #began: number
  #phase: Phase = 'waiting'
  #heard: number
  #said = 0 // when something was sent last; 0 before the acknowledgement
  #headAt = 0
  #leaveAt = 0
  #isIdle = true // false while the message is being judged

  constructor(socket: Socket, server: SlotServer) {
    this.#socket = socket
    this.#server = server
    this.#reader = new SlotRequestReader({ maxSize: server.maxSize, charge: server.lease.charge })
    this.#began = server.uptime()
    this.#heard = this.#began
    socket.on('data', (chunk: Buffer) => this.#hear(chunk))
    if (server.passing) {
      takeFirstBytes(socket, server.passing, (bytes, descriptor) => {
        if (descriptor !== undefined) this.#takeDescriptor(descriptor)
        this.#hear(bytes)
      })
    }
    socket.on('end', () => {
      if (this.#phase === 'waiting' || this.#phase === 'sending') socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (this.#phase === 'sending' || this.#phase === 'judging')
        server.cold('left', this.#reader.variables)
      this.#phase = 'closed'
      if (!this.#isIdle) this.#gone.abort()
      this.#leaveIfDone()
    })
  }

  get phase(): Phase {
    return this.#phase
  }

  /**
   * Sends what is due, and ends a conversation that takes too long. It is called a few times a
   * second.
   */
  tick(): void {
    const uptime = this.#server.uptime()
    const why = this.#overdue(uptime)
    if (why !== undefined) this.#giveUp(new GoCold(why))
    else if (this.#phase === 'leaving' && uptime - this.#leaveAt > LEAVE_WITHIN)
      this.#socket.destroy()
    else if (this.#phase !== 'sending' && this.#phase !== 'judging') return
    else if (this.#said === 0) {
      if (uptime - this.#headAt > ACKNOWLEDGE_AFTER) this.#say(acknowledgement)
    } else if (uptime - this.#said > HEARTBEAT_AFTER) this.#say(heartbeat)
  }

  /** Tells the client to go cold, and ends the conversation. */
  dismiss(why: string): void {
    this.#giveUp(new GoCold(why))
  }

  #takeDescriptor(descriptor: number): void {
    if (this.#isOpen()) this.#reader.handOver(descriptor)
    else closeSync(descriptor)
  }

  #hear(chunk: Buffer): void {
    if (this.#phase === 'leaving' || this.#phase === 'closed') return
    this.#heard = this.#server.uptime()
    const wanted = this.#reader.wantsBytes
    try {
      this.#reader.push(chunk)
      if (this.#reader.asksWithheld) this.#leave(this.#server.withheld())
      else if (this.#phase === 'waiting' && this.#reader.timeLeft !== undefined) {
        this.#server.admit()
        this.#headAt = this.#heard
        this.#phase = 'sending'
      }
    } catch (error) {
      this.#giveUp(error)
    }
    if (this.#phase !== 'sending') return
    if (this.#reader.wantsBytes && !wanted) this.#socket.write(sendIt)
    if (this.#reader.request !== undefined) void this.#judge(this.#reader.request)
    else if (this.#said === 0) this.#say(acknowledgement) // the client may wait for it before it sends more
  }

  async #judge(request: Request): Promise<void> {
    this.#phase = 'judging'
    this.#isIdle = false
    try {
      const answer = await this.#server.answer(
        request,
        this.#gone.signal,
        () => this.#server.uptime() - this.#began,
      )
      this.#isIdle = true
      if (this.#isOpen())
        this.#leave(this.#said === 0 ? Buffer.concat([acknowledgement, answer]) : answer)
    } catch (error) {
      this.#isIdle = true
      this.#giveUp(error)
    }
    this.#leaveIfDone()
  }

  /**
   * (A method, because TypeScript would not see that the phase changes while an answer is awaited.)
   */
  #isOpen(): boolean {
    return this.#phase !== 'leaving' && this.#phase !== 'closed'
  }

  #giveUp(error: unknown): void {
    if (!this.#isOpen()) return
    const why = errorText(error)
    if (!(error instanceof GoCold || isFault(error))) this.#server.log(why)
    this.#server.cold('told', this.#reader.variables)
    this.#leave(goCold(why))
  }

  #say(words: Buffer): void {
    this.#said = this.#server.uptime()
    this.#socket.write(words)
  }

  #leave(lastFrames: Buffer): void {
    this.#phase = 'leaving'
    this.#leaveAt = this.#server.uptime()
    this.#socket.end(lastFrames, () => this.#socket.destroy())
  }

  /** Frees everything, but not while a scanner may still read the message. */
  #leaveIfDone(): void {
    if (this.#phase !== 'closed' || !this.#isIdle) return
    this.#reader.free()
    this.#server.lease.close()
    this.#server.left()
  }

  #overdue(uptime: number): string | undefined {
    if (this.#phase === 'waiting' && uptime - this.#began > HEAD_WITHIN)
      return 'sent its question too slowly'
    if (this.#phase === 'sending' && uptime - this.#heard > SILENCE_MAX) return 'fell silent'
    const timeLeft = Math.min((this.#reader.timeLeft ?? 0) + BEYOND_TIME_LEFT, SEND_WITHIN)
    return this.#phase === 'sending' && uptime - this.#headAt > timeLeft
      ? 'took too long to send'
      : undefined
  }
}

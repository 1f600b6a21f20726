import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ColdWay } from '../../observe/live/process-report.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import { acknowledgement, goCold, heartbeat, sendIt } from './carry-out.ts'
import { takeFirstBytes } from './first-bytes.ts'
import { GoCold } from './go-cold.ts'
import { type Request, type RequestHead, SlotRequestReader } from './request.ts'

/** Milliseconds: doc/slot-protocol.md, "Time". */
export const SILENCE_MAX = 10_000
const HEAD_WITHIN = 10_000
const BEYOND_TIME_LEFT = 2_000
/** Who sends a byte now and then must not hold memory for ever, whatever time it has. */
const SEND_WITHIN = 60_000
const ACKNOWLEDGE_AFTER = 250
const HEARTBEAT_AFTER = 600
/** For a client that does not take its answer. */
const LEAVE_WITHIN = 3_000

/**
 * The state of a conversation. `waiting`: its head is not whole, and it counts as nobody's;
 * `leaving`: the last word was said.
 */
export type Phase = 'waiting' | 'sending' | 'judging' | 'leaving' | 'closed'

/** What a conversation needs of the slot server. */
export interface SlotServer {
  readonly maxSize: number
  readonly lease: MemoryLease
  /** For messages that are handed over; without it they are asked for. */
  readonly passing: PassedDescriptors | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** Called once the head is whole; throws GoCold where there is no room for one more. */
  admit(): void
  answer(request: Request, gone: AbortSignal, elapsed: () => number): Promise<Buffer>
  /** The answer about messages that are withheld from scanners. */
  withheld(): Buffer
  /** The conversation is over and holds nothing any more. */
  left(): void
  /** The client has no answer to what it has asked so far. */
  cold(way: ColdWay, asked: RequestHead): void
  /** For trouble of ours; what concerns a message is the client's to log. */
  log(line: string): void
}

/** One conversation: one message. */
export class SlotSession {
  readonly #socket: Socket
  readonly #server: SlotServer
  readonly #reader: SlotRequestReader
  readonly #gone = new AbortController()
  readonly #began: number
  #phase: Phase = 'waiting'
  #heard: number
  #said = 0 // when, once the request was acknowledged
  #headAt = 0
  #leaveAt = 0
  #judged = true // that is: nobody is at it

  constructor(socket: Socket, server: SlotServer) {
    this.#socket = socket
    this.#server = server
    this.#reader = new SlotRequestReader({ maxSize: server.maxSize, charge: server.lease.charge })
    this.#began = server.now()
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
        server.cold('left', this.#reader.asked)
      this.#phase = 'closed'
      if (!this.#judged) this.#gone.abort()
      this.#leaveIfDone()
    })
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Says what is due, and ends what takes too long; called a few times a second. */
  tick(): void {
    const now = this.#server.now()
    const why = this.#overdue(now)
    if (why !== undefined) this.#giveUp(new GoCold(why))
    else if (this.#phase === 'leaving' && now - this.#leaveAt > LEAVE_WITHIN) this.#socket.destroy()
    else if (this.#phase !== 'sending' && this.#phase !== 'judging') return
    else if (this.#said === 0) {
      if (now - this.#headAt > ACKNOWLEDGE_AFTER) this.#say(acknowledgement)
    } else if (now - this.#said > HEARTBEAT_AFTER) this.#say(heartbeat)
  }

  /** Tells the client to go cold, and ends. */
  dismiss(why: string): void {
    this.#giveUp(new GoCold(why))
  }

  #takeDescriptor(descriptor: number): void {
    if (this.#isOpen()) this.#reader.handOver(descriptor)
    else closeSync(descriptor)
  }

  #hear(chunk: Buffer): void {
    if (this.#phase === 'leaving' || this.#phase === 'closed') return
    this.#heard = this.#server.now()
    const wanted = this.#reader.wantsBytes
    try {
      this.#reader.push(chunk)
      if (this.#reader.asksWithheld) this.#leave(this.#server.withheld())
      else if (this.#phase === 'waiting' && this.#reader.head !== undefined) {
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
    else if (this.#said === 0) this.#say(acknowledgement) // it may be waiting for that
  }

  async #judge(request: Request): Promise<void> {
    this.#phase = 'judging'
    this.#judged = false
    try {
      const answer = await this.#server.answer(
        request,
        this.#gone.signal,
        () => this.#server.now() - this.#began,
      )
      this.#judged = true
      if (this.#isOpen())
        this.#leave(this.#said === 0 ? Buffer.concat([acknowledgement, answer]) : answer)
    } catch (error) {
      this.#judged = true
      this.#giveUp(error)
    }
    this.#leaveIfDone()
  }

  /** (A function of its own: the phase changes while an answer is awaited.) */
  #isOpen(): boolean {
    return this.#phase !== 'leaving' && this.#phase !== 'closed'
  }

  #giveUp(error: unknown): void {
    if (!this.#isOpen()) return
    const why = errorText(error)
    if (!(error instanceof GoCold)) this.#server.log(why)
    this.#server.cold('told', this.#reader.asked)
    this.#leave(goCold(why))
  }

  #say(words: Buffer): void {
    this.#said = this.#server.now()
    this.#socket.write(words)
  }

  #leave(lastWords: Buffer): void {
    this.#phase = 'leaving'
    this.#leaveAt = this.#server.now()
    this.#socket.end(lastWords, () => this.#socket.destroy())
  }

  /** What a scanner still reads is still in memory. */
  #leaveIfDone(): void {
    if (this.#phase !== 'closed' || !this.#judged) return
    this.#reader.free()
    this.#server.lease.close()
    this.#server.left()
  }

  #overdue(now: number): string | undefined {
    if (this.#phase === 'waiting' && now - this.#began > HEAD_WITHIN)
      return 'sent its question too slowly'
    if (this.#phase === 'sending' && now - this.#heard > SILENCE_MAX) return 'fell silent'
    const timeLeft = Math.min((this.#reader.head?.timeLeft ?? 0) + BEYOND_TIME_LEFT, SEND_WITHIN)
    return this.#phase === 'sending' && now - this.#headAt > timeLeft
      ? 'took too long to send'
      : undefined
  }
}

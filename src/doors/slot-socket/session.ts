import type { Socket } from 'node:net'
import { errorText, isFault } from '../../ground/errors/fault.ts'
import type { MemoryLease } from '../../ground/flow/memory-budget.ts'
import { type ConnectionHost, DoorConnection } from '../shared/connection.ts'
import { acknowledgement, goCold, heartbeat } from './carry-out.ts'
import { GoCold } from './go-cold.ts'
import { type Request, SlotRequestReader } from './request.ts'
import type { SlotServer } from './server.ts'

/** Milliseconds: doc/design.md, "Time". */
export const SILENCE_MAX = 10_000
export const HEAD_WITHIN = 10_000
export const BEYOND_TIME_LEFT = 2_000
/**
 * A client that sends a byte now and then must not hold memory for ever, however long it may take.
 */
export const SEND_WITHIN = 60_000
const ACKNOWLEDGE_AFTER = 250
const HEARTBEAT_AFTER = 600

/** What a conversation needs from the slot's door. */
export interface SlotHost extends ConnectionHost {
  readonly server: SlotServer
  /** Memory for what comes on this connection, until it is over. */
  readonly lease: MemoryLease
  /** Called once the head has come whole. Throws if there is no room for one more message. */
  admit(): void
}

/** The conversation with one client, about one message. */
export class SlotSession extends DoorConnection {
  readonly #host: SlotHost
  readonly #reader: SlotRequestReader
  #headAt: number | undefined // when the head of the request had come whole
  #hasAcknowledged = false

  constructor(socket: Socket, host: SlotHost) {
    super(socket, host)
    this.#host = host
    const { server, lease } = host
    this.#reader = new SlotRequestReader({
      maxSize: server.maxSize,
      charge: (bytes) => lease.charge(bytes),
      openIntake: () => server.openIntake(lease),
    })
    socket.on('finish', () => socket.destroy()) // the client has the last frame then, and sends none
  }

  /** Ends a conversation that has asked nothing yet. */
  finish(): void {
    if (this.#headAt === undefined) this.dismiss()
  }

  /** Tells the client to go cold, and ends the conversation. */
  dismiss(why = 'onescand is going down'): void {
    this.#giveUp(new GoCold(why))
  }

  protected hear(chunk: Buffer): void {
    try {
      this.#reader.push(chunk)
      if (this.#reader.asksToTell) this.leave(this.#host.server.told(this.socket))
      else if (this.#headAt === undefined && this.#reader.timeLeft !== undefined) {
        this.#host.admit()
        this.#headAt = this.heardAt
      }
    } catch (error) {
      this.#giveUp(error)
    }
    if (this.#headAt === undefined || this.isBusy || this.hasLeft) return
    if (this.#reader.request !== undefined) void this.#judge(this.#reader.request)
    else if (!this.#hasAcknowledged) this.#acknowledge() // the client may wait for it before it sends more
  }

  /**
   * While a message is judged, the client may have closed its side alone, or have left. Sending a frame
   * shows which: if it has left, the connection breaks, and nothing is kept for it.
   */
  protected heardEnd(): void {
    if (!this.isBusy) this.socket.destroy()
    else if (this.#hasAcknowledged) this.send(heartbeat)
    else this.#acknowledge()
  }

  protected override lost(): void {
    if (this.#headAt !== undefined) this.#host.server.cold('left', this.#reader.variables)
  }

  /** Sends what is due, and ends a conversation that takes too long. */
  protected due(time: number): void {
    const why = this.#overdue(time)
    if (why !== undefined) this.#giveUp(new GoCold(why))
    else if (this.#headAt === undefined) return
    else if (this.#hasAcknowledged) {
      if (time - this.saidAt > HEARTBEAT_AFTER) this.send(heartbeat)
    } else if (time - this.#headAt > ACKNOWLEDGE_AFTER) this.#acknowledge()
  }

  protected free(): void {
    this.#reader.free()
    this.#host.lease.close()
  }

  #acknowledge(): void {
    this.#hasAcknowledged = true
    this.send(acknowledgement)
  }

  async #judge(request: Request): Promise<void> {
    try {
      const elapsed = () => this.now() - this.beganAt
      const answer = await this.work((gone) =>
        this.#host.server.answer(this.socket, request, gone, elapsed),
      )
      this.leave(this.#hasAcknowledged ? answer : Buffer.concat([acknowledgement, answer]))
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** The client logs what concerns its message. */
  #giveUp(error: unknown): void {
    if (this.hasLeft) return
    const why = errorText(error)
    if (!(error instanceof GoCold || isFault(error))) this.#host.server.log(why)
    this.#host.server.cold('told', this.#reader.variables)
    this.leave(goCold(why))
  }

  #overdue(time: number): string | undefined {
    if (this.#headAt === undefined) {
      return time - this.beganAt > HEAD_WITHIN ? 'sent its question too slowly' : undefined
    }
    if (this.isBusy) return undefined
    if (time - this.heardAt > SILENCE_MAX) return 'fell silent'
    const timeLeft = Math.min(this.#reader.timeLeft! + BEYOND_TIME_LEFT, SEND_WITHIN)
    return time - this.#headAt > timeLeft ? 'took too long to send' : undefined
  }
}

import { errorText, isFault } from '../../../base/errors/fault.ts'
import type { MemoryLease } from '../../../base/flow/memory-budget.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { parseCommand } from '../../protocol/milter/milter-commands.ts'
import { deferred, progress } from '../../protocol/milter/milter-replies.ts'
import type { AcceptedClient } from '../../serving/serve.ts'
import { PeerTimeout, Wire, type WireHost } from '../../serving/wire.ts'
import type { MilterServices, MilterTimeouts } from './milter-services.ts'
import { MilterSession } from './milter-session.ts'
import { MtaPackets } from './mta-packets.ts'

/** The services that the door provides for the connection of an MTA. */
interface MilterHost extends WireHost {
  readonly services: MilterServices
  /** Memory for the data of this connection, until it ends. */
  readonly lease: MemoryLease
  readonly timeouts: MilterTimeouts
}

/**
 * The conversation with an MTA, one command after the other.
 *
 * An MTA that closes its side has left: Sendmail and Postfix never close their own side alone. They close the
 * whole connection if the filter takes too long, or if their client has disconnected. The current message
 * ends unanswered and is not kept: the MTA has decided without this filter, and the client may send the
 * message again.
 */
export class MtaConversation {
  readonly wire: Wire
  readonly #host: MilterHost
  readonly #session: MilterSession
  readonly #packets: MtaPackets
  /** The MTA in log lines. */
  readonly #who: string

  /** Begins the conversation, which ends by itself. */
  constructor({ socket, address }: AcceptedClient, host: MilterHost) {
    this.#host = host
    this.#who = `the MTA${address ? ` at ${address}` : ''}`
    this.#session = new MilterSession(host.services, address === undefined)
    this.#packets = new MtaPackets(this.#session, host.lease)
    this.wire = new Wire(socket, this.#packets, {
      ...host,
      farewell: () => deferred,
      waitsOn: () => false,
    })
    void this.wire.converse(() => this.#converse())
  }

  async #converse(): Promise<void> {
    try {
      await this.#answerAll()
      if (this.wire.endedAt !== undefined && this.#packets.isAmidst) {
        this.#host.log(`milter: ${this.#who} stopped in the middle of a packet`)
      }
    } catch (error) {
      this.#endBy(error)
    } finally {
      this.#session.close(this.wire.gone)
      this.#packets.close()
      this.#host.lease.close()
    }
  }

  async #answerAll(): Promise<void> {
    const { wire } = this
    const session = this.#session
    const packets = this.#packets
    const next = () => packets.next()
    const isLate = (time: number) => (this.#isSilent(time) ? 'stopped responding' : undefined)
    const keepAlive = {
      after: this.#host.timeouts.progressAfter,
      next: () => (session.isAmidContent ? progress : undefined),
    }
    while (!session.hasQuit && (session.isAmidMessage || !wire.isFinishing)) {
      const packet = wire.ready(next) ?? (await wire.read(next, isLate, !session.isAmidMessage))
      if (packet === undefined) return
      let answer = session.answer(parseCommand(packet), wire.gone)
      if (answer instanceof Promise) {
        packets.letWait()
        answer = await wire.during(answer, keepAlive)
      }
      if (answer !== undefined) wire.send(answer)
    }
  }

  #isSilent(time: number): boolean {
    const { stalled, idle, negotiation } = this.#host.timeouts
    if (!this.#session.hasNegotiated) return time - this.wire.began > negotiation
    const isStalled = this.#packets.isAmidst || this.#session.isAmidContent
    return this.wire.silence(time) > (isStalled ? stalled : idle)
  }

  #endBy(error: unknown): void {
    if (error instanceof PeerTimeout && !this.#session.hasNegotiated) {
      this.wire.drop() // one that speaks no milter may not close its own side
      return
    }
    // The MTA is asked to defer, whatever it does when a filter disconnects.
    const isExpected = error instanceof WireError || error instanceof PeerTimeout || isFault(error)
    const stack = error instanceof Error && !isExpected ? error.stack : undefined
    this.#host.log(`milter: ${this.#who}: ${stack ?? errorText(error)}`)
    this.wire.hangUp(deferred)
  }
}

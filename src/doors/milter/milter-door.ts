import type { Socket } from 'node:net'
import type { Configuration } from '../../configuration/configuration.ts'
import { releaseBuffer } from '../../lib/bytes/buffers.ts'
import { errorText, isFault } from '../../lib/errors/fault.ts'
import type { MemoryLease } from '../../lib/flow/memory-budget.ts'
import { addressKey } from '../../lib/net/ip-address.ts'
import { HEADER_MAX } from '../../mail/message/header-block.ts'
import { WireError } from '../../protocol/connection/wire-error.ts'
import type { Frame, FrameReader } from '../../protocol/frames.ts'
import { MACROS_MAX } from '../../protocol/milter/macros.ts'
import { parseCommand } from '../../protocol/milter/milter-commands.ts'
import { deferred, progress } from '../../protocol/milter/milter-replies.ts'
import { createPacketReader } from '../../protocol/milter/packets.ts'
import { type Door, maxConnectionsFor, serve, tickFor } from '../../serving/serve.ts'
import { PeerTimeout, Wire, type WireHost, type WireReader } from '../../serving/wire.ts'
import {
  type MilterOptions,
  MilterServices,
  type MilterTimeouts,
  milterTimeouts,
} from './milter-services.ts'
import { MilterSession } from './milter-session.ts'

/** Bytes of a packet: one field may be as large as the largest header that is scanned. */
export const PACKET_MAX = HEADER_MAX + 64 * 1024
/** Bytes of a packet that holds no content but an SMTP command or macros. */
export const SMALL_PACKET_MAX = 1 + MACROS_MAX
const CONTENT = 'LBE'
/** Bytes of the packet of the negotiation, which needs thirteen. */
const NEGOTIATION_MAX = 64
/** Bytes that may wait while a message is judged: an MTA that waits for the answer sends none. */
const WAITING_MAX = 256 * 1024

/** Returns the milter interface, which serves sessions of MTAs. */
export function createMilterDoor(first: Configuration, options: MilterOptions): Door {
  const { maxSockets, budget, log, timeouts = milterTimeouts } = options
  const { maxConnections = maxConnectionsFor(maxSockets) } = options
  const services = new MilterServices(first, options)
  return serve<Wire>({
    configure(next) {
      services.configuration = next
    },
    every: tickFor(timeouts.progressAfter),
    maxConnections,
    maxSockets,
    log: (why) => log(`milter: ${why}`),
    memory: () => budget.used,
    accept(socket, _, closed) {
      const isByTcp = socket.remoteAddress !== undefined
      if (isByTcp) socket.setNoDelay(true) // on a unix socket the call would fail
      return serveMta(socket, {
        services,
        lease: budget.open(addressKey(socket.remoteAddress)),
        timeouts,
        leaving: timeouts.leaving,
        uptime: services.uptime,
        log,
        closed,
      })
    },
  })
}

/** The services that the interface provides for the connection of an MTA. */
interface MilterHost extends WireHost {
  readonly services: MilterServices
  /** Memory for the data of this connection, until it ends. */
  readonly lease: MemoryLease
  readonly timeouts: MilterTimeouts
}

/**
 * Serves an MTA, one command after the other.
 *
 * An MTA that closes its side has left: Sendmail and Postfix never close their own side alone. They close the
 * whole connection if the filter takes too long, or if their client has disconnected. The current message
 * ends unanswered and is not kept: the MTA has decided without this filter, and the client may send the
 * message again.
 */
function serveMta(socket: Socket, host: MilterHost): Wire {
  const { services, lease, timeouts, log } = host
  const who = `the MTA${socket.remoteAddress ? ` at ${socket.remoteAddress}` : ''}`
  const session = new MilterSession(services, socket.remoteAddress === undefined)
  const packets = new Packets(session, lease)
  const wire = new Wire(socket, packets, {
    ...host,
    farewell: () => deferred,
    waitsOn: () => false,
  })
  const next = () => packets.next()
  const isLate = (time: number) => {
    const isStalled = packets.isAmidst || session.isAmidContent
    const isSilent = session.hasNegotiated
      ? wire.silence(time) > (isStalled ? timeouts.stalled : timeouts.idle)
      : time - wire.began > timeouts.negotiation
    return isSilent ? 'stopped responding' : undefined
  }
  const keepAlive = {
    after: timeouts.progressAfter,
    next: () => (session.isAmidContent ? progress : undefined),
  }
  const answerAll = async () => {
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
  void wire.converse(async () => {
    try {
      await answerAll()
      if (wire.endedAt !== undefined && packets.isAmidst)
        log(`milter: ${who} stopped in the middle of a packet`)
    } catch (error) {
      if (error instanceof PeerTimeout && !session.hasNegotiated) {
        wire.drop() // one that speaks no milter may not close its own side
        return
      }
      // The MTA is asked to defer, whatever it does when a filter disconnects.
      const isExpected =
        error instanceof WireError || error instanceof PeerTimeout || isFault(error)
      const stack = error instanceof Error && !isExpected ? error.stack : undefined
      log(`milter: ${who}: ${stack ?? errorText(error)}`)
      wire.hangUp(deferred)
    } finally {
      session.close()
      packets.close()
      lease.close()
    }
  })
  return wire
}

/** The packets of an MTA, and the memory of those that wait while a message is judged. */
class Packets implements WireReader {
  readonly #session: MilterSession
  readonly #lease: MemoryLease
  readonly #reader: FrameReader
  #chunk: Buffer | undefined // the last one
  #isWaiting = false
  #waitingBytes = 0

  constructor(session: MilterSession, lease: MemoryLease) {
    this.#session = session
    this.#lease = lease
    this.#reader = createPacketReader((command) => this.#mostFor(command), {
      charge: (bytes) => lease.charge(bytes),
      release(packet) {
        lease.release(packet.length)
        releaseBuffer(packet) // now, because the garbage collector may free it much later
      },
    })
  }

  get isAmidst(): boolean {
    return this.#reader.isAmidst
  }

  get isFull(): boolean {
    return this.#waitingBytes > WAITING_MAX
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#chunk = chunk
    if (this.#isWaiting) this.letWait()
  }

  /** Charges for unread data, until all of it is read. */
  letWait(): void {
    this.#isWaiting = true
    const { pending } = this.#reader
    this.#lease.charge(pending - this.#waitingBytes)
    this.#waitingBytes = pending
  }

  /** Returns the next packet, which is valid until the next call. */
  next(): Frame | undefined {
    const packet = this.#reader.next()
    if (packet !== undefined) return packet
    this.#isWaiting = false
    this.#lease.release(this.#waitingBytes)
    this.#waitingBytes = 0
    if (!this.isAmidst && !this.#session.isAmidContent) this.#reader.trim()
    if (this.#chunk !== undefined) releaseBuffer(this.#chunk) // sessions keep copies only
    this.#chunk = undefined
    return undefined
  }

  close(): void {
    this.#reader.close()
  }

  #mostFor(command: string): number {
    if (!this.#session.hasNegotiated) return NEGOTIATION_MAX
    return CONTENT.includes(command) ? PACKET_MAX : SMALL_PACKET_MAX
  }
}

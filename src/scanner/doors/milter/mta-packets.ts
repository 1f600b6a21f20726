import { releaseBuffer } from '../../../base/bytes/buffers.ts'
import { type MemoryLease, UnreadCharge } from '../../../base/flow/memory-budget.ts'
import { HEADER_MAX } from '../../../mail/message/header-block.ts'
import type { Frame, FrameReader } from '../../protocol/frames.ts'
import { MACROS_MAX } from '../../protocol/milter/macros.ts'
import { createPacketReader } from '../../protocol/milter/packets.ts'
import type { WireReader } from '../../serving/wire.ts'
import type { MilterSession } from './milter-session.ts'

/** Bytes of a packet: one field may be as large as the largest header that is scanned. */
export const PACKET_MAX = HEADER_MAX + 64 * 1024
/** Bytes of a packet that holds no content but an SMTP command or macros. */
export const SMALL_PACKET_MAX = 1 + MACROS_MAX
const CONTENT = 'LBE'
/** Bytes of the packet of the negotiation, which needs thirteen. */
const NEGOTIATION_MAX = 64
/** Bytes that may wait while a message is judged: an MTA that waits for the answer sends none. */
const WAITING_MAX = 256 * 1024

/** The packets of an MTA, and the memory of those that wait while a message is judged. */
export class MtaPackets implements WireReader {
  readonly #session: MilterSession
  readonly #unread: UnreadCharge
  readonly #reader: FrameReader
  #chunk: Buffer | undefined // the last one
  #isWaiting = false

  constructor(session: MilterSession, lease: MemoryLease) {
    this.#session = session
    this.#unread = new UnreadCharge(lease)
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
    return this.#unread.bytes > WAITING_MAX
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk)
    this.#chunk = chunk
    if (this.#isWaiting) this.letWait()
  }

  /** Charges for unread data, until all of it is read. */
  letWait(): void {
    this.#isWaiting = true
    this.#unread.set(this.#reader.pending)
  }

  /** Returns the next packet, which is valid until the next call. */
  next(): Frame | undefined {
    const packet = this.#reader.next()
    if (packet !== undefined) return packet
    this.#isWaiting = false
    this.#unread.set(0)
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

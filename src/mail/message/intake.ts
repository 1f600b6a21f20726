import type { Hash } from 'node:crypto'
import { LF } from '../../base/bytes/ascii.ts'
import { releaseBuffer } from '../../base/bytes/buffers.ts'
import { faultKindOf } from '../../base/errors/fault.ts'
import { MemoryLease } from '../../base/flow/memory-budget.ts'
import { Bytes } from './bytes.ts'
import { BodyDigester, type BodyDigests, type DigestsWanted } from './canonical-body.ts'
import { GatheredFile } from './gathered-file.ts'
import { FIELD_COST, findHeaderEnd, HEADER_MAX, Header, type HeaderSearch } from './header-block.ts'
import { type CanonicalMessage, Message } from './message.ts'
import type { MessageOptions } from './message-options.ts'
import { headerFault } from './well-formed.ts'

/** Upper limit, in bytes, for a message in memory. A larger one goes to a file. */
const IN_MEMORY_MAX = 128 * 1024
/** Bytes that are allocated at first: for a message of unknown size, and at most. */
const FIRST_PIECE = 8 * 1024
const FIRST_PIECE_MAX = 64 * 1024

/** The properties of a message that are known after its header block. */
interface Beginning {
  readonly header: Header
  readonly isHeaderCut: boolean
  /** Examines the body. */
  readonly canonical: CanonicalReader
}

/**
 * A message while it arrives, in any split. Its header block, or the first HEADER_MAX bytes of that, is in
 * memory, and so is the whole message up to IN_MEMORY_MAX bytes. A larger message, or one without free
 * memory, goes to a file. Memory is charged to a lease. The body is hashed on arrival. Throws Faults of the
 * kinds `temp-file` and `write` for the file, and `out-of-memory`.
 */
export class Intake {
  readonly #options: MessageOptions
  readonly #lease: MemoryLease
  readonly #bytes: ChargedBytes // the whole message, until it goes to a file
  #search: HeaderSearch | undefined // how far the end of the header block was looked for
  #beginning: Beginning | undefined
  #file: GatheredFile | undefined
  #size = 0

  /** `size` is the announced number of bytes, if any. */
  constructor(options: MessageOptions, lease: MemoryLease, size = FIRST_PIECE) {
    this.#options = options
    this.#lease = lease
    this.#bytes = new ChargedBytes(lease, Math.min(size, FIRST_PIECE_MAX))
  }

  /** Takes the next bytes of the message. */
  write(bytes: Buffer): void {
    this.#size += bytes.length
    if (this.#beginning !== undefined) {
      this.#addToBody(bytes, this.#beginning)
      return
    }
    const piece = bytes.subarray(0, HEADER_MAX + 1 - this.#bytes.length)
    this.#bytes.append(piece)
    const end = this.#headerEnd(piece)
    if (end !== undefined) this.#addToBody(bytes.subarray(piece.length), this.#endHeader(end))
  }

  /** The header block, once its end has arrived. */
  get header(): Header | undefined {
    return this.#beginning?.header
  }

  /**
   * Returns the message, which the caller must close. No bytes may be added afterwards. `fault` is the
   * caller's reason why no stamp can cover it.
   */
  finish(fault?: string): Message {
    const { header, isHeaderCut, canonical } = this.#beginning ?? this.#endHeader(this.#size)
    const file = this.#file
    this.#file = undefined // it is closed with the message
    file?.seal()
    const known = {
      header,
      isHeaderCut,
      canonical: fault === undefined ? canonical.finish() : { fault, digests: nothing },
      sealed: file?.sealed,
      belowTop: file?.below,
    }
    const bytes = file ?? Bytes.of(this.#bytes.all)
    return new Message(known, bytes, () => file?.close())
  }

  /** Frees everything. It is called once the message is closed, or if there will be no message. */
  close(): void {
    this.#file?.close()
    this.#file = undefined
    this.#bytes.drop()
    this.#lease.close()
  }

  /** Returns the end of the header block, if known. `piece` is the last received bytes. */
  #headerEnd(piece: Buffer): number | undefined {
    if (piece.includes(LF)) {
      const found = findHeaderEnd(this.#bytes.all, this.#search)
      if ('end' in found) return found.end
      this.#search = found
    }
    return this.#bytes.length > HEADER_MAX ? this.#bytes.length : undefined
  }

  #endHeader(end: number): Beginning {
    const all = this.#bytes.all
    this.#lease.charge(2 * end) // as bytes, and as the string that its fields are read from
    const isHeaderCut = end > HEADER_MAX
    const header = new Header(Buffer.from(all.subarray(0, Math.min(end, HEADER_MAX))))
    this.#lease.charge(header.fields.length * FIELD_COST)
    const { digestsFor, createHash } = this.#options
    const wanted = digestsFor?.(header)
    const canonical = new CanonicalReader(header, wanted, createHash)
    canonical.update(all.subarray(header.length))
    this.#beginning = { header, isHeaderCut, canonical }
    return this.#beginning
  }

  #addToBody(bytes: Buffer, { canonical }: Beginning): void {
    canonical.update(bytes)
    if (this.#file === undefined) {
      if (this.#hasRoomFor(bytes)) return
      this.#file = new GatheredFile(this.#options, this.#lease)
      this.#file.write(this.#bytes.all)
      this.#bytes.free()
    }
    this.#file.write(bytes)
  }

  /** Takes the bytes into memory, unless the message is too large for that, or no memory is left. */
  #hasRoomFor(bytes: Buffer): boolean {
    if (this.#bytes.length + bytes.length > IN_MEMORY_MAX) return false
    try {
      this.#bytes.append(bytes, IN_MEMORY_MAX)
      return true
    } catch (error) {
      if (faultKindOf(error) === 'out-of-memory') return false
      throw error
    }
  }
}

/** Makes a message of bytes that are all there. */
export function messageOf(bytes: Buffer, options: MessageOptions): Message {
  const intake = new Intake(options, MemoryLease.unlimited())
  intake.write(bytes)
  return intake.finish()
}

/**
 * Reads a whole message from a source. The caller closes it. Rejects with the errors of the source or the intake,
 * and then frees everything.
 */
export async function spoolMessage(
  source: AsyncIterable<Buffer>,
  options: MessageOptions,
): Promise<Message> {
  const intake = new Intake(options, MemoryLease.unlimited())
  try {
    for await (const chunk of source) intake.write(chunk)
    return intake.finish()
  } catch (error) {
    intake.close()
    throw error
  }
}

const nothing: BodyDigests = { md5: undefined, sha256: undefined }
const OTHER_ENDINGS = 'the body has other line endings than the header'

/**
 * Determines what stamps need of a message while its body arrives. The body below a header that is not well formed is
 * not hashed.
 */
class CanonicalReader {
  readonly #fault: string | undefined
  readonly #digester: BodyDigester | undefined

  constructor(
    header: Header,
    wanted: DigestsWanted | undefined,
    createHash: ((algorithm: string) => Hash) | undefined,
  ) {
    if (createHash === undefined || !(wanted?.wantsMd5 || wanted?.wantsSha256)) return
    this.#fault = headerFault(header)
    if (this.#fault !== undefined) return
    this.#digester = new BodyDigester(header.lineEnding, wanted, createHash)
  }

  /** Takes the next bytes of the body. */
  update(chunk: Buffer): void {
    this.#digester?.update(chunk)
  }

  finish(): CanonicalMessage {
    if (this.#digester === undefined) return { fault: this.#fault, digests: nothing }
    const { endingsAgree, digests } = this.#digester.finish()
    return { fault: endingsAgree ? undefined : OTHER_ENDINGS, digests }
  }
}

/** Bytes in memory that become more, and are charged to a lease. */
class ChargedBytes {
  readonly #lease: MemoryLease
  #buffer: Buffer
  #length = 0

  constructor(lease: MemoryLease, firstPiece: number) {
    this.#lease = lease
    lease.charge(firstPiece)
    this.#buffer = Buffer.allocUnsafe(firstPiece)
  }

  get length(): number {
    return this.#length
  }

  get all(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Adds bytes. If there must be more room, it is made for twice as many, or for `most`. */
  append(bytes: Buffer, most = Number.POSITIVE_INFINITY): void {
    const length = this.#length + bytes.length
    if (this.#buffer.length < length) {
      const size = Math.max(length, Math.min(2 * this.#buffer.length, most))
      this.#lease.charge(size)
      const larger = Buffer.allocUnsafe(size)
      this.all.copy(larger)
      this.free()
      this.#buffer = larger
    }
    bytes.copy(this.#buffer, length - bytes.length)
    this.#length = length
  }

  /** Frees the memory immediately, after its bytes were copied: the garbage collector would free it later. */
  free(): void {
    const copied = this.#buffer
    this.drop()
    releaseBuffer(copied)
  }

  /** Drops the bytes, which other code may still read. */
  drop(): void {
    this.#lease.release(this.#buffer.length)
    this.#buffer = Buffer.alloc(0)
    this.#length = 0
  }
}

import { Bytes } from '../../message/bytes.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { Store } from '../storage/store.ts'
import { ByteCursor } from './byte-cursor.ts'
import type { HeldContent, Opening } from './container.ts'
import { inflated } from './inflate.ts'

/** A kind of packet of a message in OpenPGP (RFC 9580 5). */
interface Packet {
  /**
   * The kind of its body. `front` is for keys and signatures: only the packets after them show whether the
   * message is encrypted.
   */
  readonly kind: 'front' | 'encrypted' | 'compressed' | 'literal'
  /** Whether a body that begins with these bytes may be that of a message's first packet. */
  readonly mayBeFirst: (body: Buffer) => boolean
}

const ofVersion =
  (...versions: readonly number[]) =>
  ([version]: Buffer) =>
    version !== undefined && versions.includes(version)
const never = () => false

const packets: ReadonlyMap<number, Packet> = new Map<number, Packet>([
  [1, { kind: 'front', mayBeFirst: ofVersion(2, 3, 6) }], // session key, for a public key
  [2, { kind: 'front', mayBeFirst: ofVersion(3, 4, 5, 6) }], // signature
  [3, { kind: 'front', mayBeFirst: ofVersion(4, 5, 6) }], // session key, for a passphrase
  [4, { kind: 'front', mayBeFirst: ofVersion(3, 6) }], // signature in one pass
  [8, { kind: 'compressed', mayBeFirst: ofVersion(0, 1, 2, 3) }],
  [9, { kind: 'encrypted', mayBeFirst: never }],
  [10, { kind: 'front', mayBeFirst: (body) => body.toString('latin1') === 'PGP' }], // marker
  [
    11,
    {
      kind: 'literal',
      mayBeFirst: ([format = 0]) => 'btuml1'.includes(String.fromCharCode(format)),
    },
  ],
  [18, { kind: 'encrypted', mayBeFirst: ofVersion(1, 2) }],
  [20, { kind: 'encrypted', mayBeFirst: ofVersion(1, 2) }],
])

/** The kind of packet that GnuPG does not skip. A JPEG begins like one. */
const CONTROL = 63

/** The checksum of an armour, which some readers decode as if it were data. */
const CHECKSUM = 3

/** The units of work of a packet, in addition to its bytes: the same as for a content. */
const PACKET_COST = 4096

/** How the body of a compressed packet is compressed, by its first byte (RFC 9580 9.4). Other ways are not read. */
const compressions: ReadonlyMap<number, 'none' | 'deflate' | 'zlib'> = new Map([
  [0, 'none'],
  [1, 'deflate'],
  [2, 'zlib'],
])
/** The first bytes of a packet that is compressed by bzip2. */
const BZIP2 = Buffer.from('\x03BZh')

/**
 * Yields the readable contents of an OpenPGP message: the data of its literal packets, the contents of a
 * compressed one, and the bytes after its packets. If the bytes are declared as OpenPGP, each packet with a
 * readable length is skipped, as GnuPG does. Otherwise only bytes that begin like the messages of real programs
 * are accepted. Returns whether the bytes are such a message, and
 * complete. Throws Unreadable if a part of the message cannot be read.
 *
 * If a packet is truncated, the available bytes are yielded. Such bytes do not justify refusing mail: of a
 * thousand files of any kind, or words of a text, one looks like a truncated packet.
 */
export function* openPgp(source: Bytes, { work, isDeclared, emit }: Opening): Steps<boolean> {
  if (!isDeclared && !(yield* beginsPgp(source, work))) return false
  const cursor = new ByteCursor(source)
  while (cursor.left > CHECKSUM) {
    yield* work.countUnits(PACKET_COST)
    const from = cursor.at
    const packet = packetFront(cursor)
    if (packet === undefined) {
      if (from === 0) return false
      yield* emit({ bytes: source.slice(from), isOfSameKind: true })
      return true
    }
    const kind = packets.get(packet.tag)?.kind
    if (kind === 'encrypted') work.onOdd?.('encrypted')
    const isOpened = kind === 'literal' || kind === 'compressed'
    const body = isOpened ? new Store(work.pool) : undefined
    try {
      const isWhole = yield* readBody(cursor, packet.length, body, work)
      if (body && kind === 'literal') yield* emit(fileOf(Bytes.of(body.finish())))
      else if (body)
        yield* emitCompressed(Bytes.of(body.finish()), isDeclared && isWhole, work, emit)
      if (!isWhole) return kind === 'encrypted'
    } finally {
      body?.close()
    }
  }
  return true
}

function unreadable(): Unreadable {
  return new Unreadable('OpenPGP')
}

/**
 * Examines the packets up to the first whose body is known. GnuPG and Sequoia skip packets of other kinds,
 * and signatures of other versions, but none in pieces. If the first is encrypted, a program needs all of it
 * to read on.
 */
function* beginsPgp(source: Bytes, work: Work): Steps<boolean> {
  const cursor = new ByteCursor(source)
  for (;;) {
    const packet = packetFront(cursor)
    if (!packet) return false
    const { bytes: length, isPartial } = packet.length
    const { kind = 'front', mayBeFirst = never } = packets.get(packet.tag) ?? {}
    const isCut = !isPartial && Number.isFinite(length) && length > cursor.left
    const end = cursor.at + length
    const bytes = Math.min(3, length, cursor.left)
    const body = Buffer.from(Array.from({ length: bytes }, () => cursor.byte()))
    if (mayBeFirst(body)) return !(isCut && kind === 'encrypted')
    if (kind !== 'front' || packet.tag === 0 || packet.tag === CONTROL || isPartial) return false
    yield* work.countUnits(PACKET_COST)
    cursor.skip(end - cursor.at)
  }
}

interface BodyLength {
  /** Infinity if the body extends to the end. */
  readonly bytes: number
  /** Whether another piece of the body follows, with a length of its own. */
  readonly isPartial: boolean
}

/** Reads the beginning of a packet (RFC 9580 4.2). Returns undefined if the bytes are not a packet. */
function packetFront(
  cursor: ByteCursor,
): { readonly tag: number; readonly length: BodyLength } | undefined {
  const first = cursor.byte()
  if (first < 0x80) return undefined
  const isNew = (first & 0x40) !== 0
  const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f
  const length = isNew ? newLength(cursor) : oldLength(cursor, first & 3)
  return length === undefined ? undefined : { tag, length }
}

function oldLength(cursor: ByteCursor, type: number): BodyLength | undefined {
  if (type === 3) return { bytes: Number.POSITIVE_INFINITY, isPartial: false }
  return whole(numberOf(cursor, 1 << type))
}

function newLength(cursor: ByteCursor): BodyLength | undefined {
  const first = cursor.byte()
  if (first < 192) return whole(first)
  if (first === 255) return whole(numberOf(cursor, 4))
  if (first >= 224) return { bytes: 2 ** (first & 0x1f), isPartial: true }
  const second = cursor.byte()
  return whole(second < 0 ? second : (first - 192) * 256 + second + 192)
}

function whole(bytes: number): BodyLength | undefined {
  return bytes < 0 ? undefined : { bytes, isPartial: false }
}

/** Reads a big-endian number of this many bytes, or -1 at the end of the source. */
function numberOf(cursor: ByteCursor, bytes: number): number {
  let number = 0
  for (let count = bytes; count > 0; count--) {
    const byte = cursor.byte()
    if (byte < 0) return -1
    number = number * 256 + byte
  }
  return number
}

/** Copies the body of a packet, with all its pieces, or skips it. Returns whether all of it is there. */
function* readBody(
  cursor: ByteCursor,
  length: BodyLength,
  body: Store | undefined,
  work: Work,
): Steps<boolean> {
  for (let piece: BodyLength | undefined = length; ; piece = newLength(cursor)) {
    if (piece === undefined) return false
    yield* work.countUnits(PACKET_COST)
    const before = cursor.at
    if (body) yield* cursor.copy(piece.bytes, body, work)
    else cursor.skip(piece.bytes)
    const isCut = piece.bytes !== Number.POSITIVE_INFINITY && cursor.at - before < piece.bytes
    if (isCut) return false
    if (!piece.isPartial) return true
  }
}

/** Returns the data of a literal packet, which follows its format, its file name and its date. */
function fileOf(body: Bytes): HeldContent {
  const cursor = new ByteCursor(body)
  cursor.byte()
  const nameLength = Math.max(0, cursor.byte())
  const name = body.gather(2, 2 + nameLength).toString('latin1')
  const from = Math.min(body.size, 1 + 1 + nameLength + 4)
  return { bytes: body.slice(from), names: [name] }
}

/**
 * `isSure` means that the bytes are a packet that was meant to be one. What is compressed in a way that onescan does not
 * read, such as bzip2, is reported like encrypted content: its programs open it, and scanners see nothing of it.
 */
function* emitCompressed(body: Bytes, isSure: boolean, work: Work, emit: Opening['emit']): Steps {
  const compression = compressions.get(new ByteCursor(body).byte())
  const data = body.slice(1)
  if (compression === undefined) {
    // Any bytes may look like such a packet.
    if (isSure || body.gather(0, BZIP2.length).equals(BZIP2)) work.onOdd?.('encrypted')
    return
  }
  if (compression === 'none') {
    yield* emit({ bytes: data, isOfSameKind: true })
    return
  }
  const { store, isBroken } = yield* inflated(data, compression, work)
  try {
    if (store.size > 0) yield* emit({ bytes: Bytes.of(store.finish()), isOfSameKind: true })
    // Any bytes may look like a deflated packet. A real one inflates to some output.
    if (isBroken && (isSure || store.size > 0)) throw unreadable()
  } finally {
    store.close()
  }
}

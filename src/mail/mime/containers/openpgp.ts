import { startsWith } from '../../../base/bytes/buffers.ts'
import { type MailBytes, shortText } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { Unreadable } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { inflated } from '../decoders/inflate.ts'
import { Store } from '../storage/store.ts'
import type { Container, Member, Opening } from './container.ts'

/** A kind of packet of a message in OpenPGP (RFC 9580 5). */
interface Packet {
  /**
   * The kind of its body. `front` is for keys and signatures: only the packets after them show whether the
   * message is encrypted.
   */
  readonly kind: 'front' | 'encrypted' | 'compressed' | 'literal'
  /** Whether a body that begins with these bytes may be that of a message's first packet. */
  readonly mayBeFirst: (body: MailBytes) => boolean
}

const ofVersion =
  (...versions: readonly number[]) =>
  ({ 0: version }: MailBytes) =>
    version !== undefined && versions.includes(version)
const never = () => false

const packets: ReadonlyMap<number, Packet> = new Map<number, Packet>([
  [1, { kind: 'front', mayBeFirst: ofVersion(2, 3, 6) }], // session key, for a public key
  [2, { kind: 'front', mayBeFirst: ofVersion(3, 4, 5, 6) }], // signature
  [3, { kind: 'front', mayBeFirst: ofVersion(4, 5, 6) }], // session key, for a passphrase
  [4, { kind: 'front', mayBeFirst: ofVersion(3, 6) }], // signature in one pass
  [8, { kind: 'compressed', mayBeFirst: ofVersion(0, 1, 2, 3) }],
  [9, { kind: 'encrypted', mayBeFirst: never }],
  [10, { kind: 'front', mayBeFirst: (body) => shortText(body, 0, 3) === 'PGP' }], // marker
  [
    11,
    {
      kind: 'literal',
      mayBeFirst: ({ 0: format = 0 }) => 'btuml1'.includes(String.fromCharCode(format)),
    },
  ],
  [18, { kind: 'encrypted', mayBeFirst: ofVersion(1, 2) }],
  [20, { kind: 'encrypted', mayBeFirst: ofVersion(1, 2) }],
])

/** The kind of packet that GnuPG does not skip. A JPEG begins like one. */
const CONTROL_PACKET = 63

/** The checksum of an armour, which some programs decode as if it were data. */
const ARMOUR_CHECKSUM = 3

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
function* open(source: MailBytes, { work, isDeclared, emit }: Opening): Steps<boolean> {
  if (!isDeclared && !(yield* beginsPgp(source, work))) return false
  for (let at = 0; source.length - at > ARMOUR_CHECKSUM; ) {
    yield* work.countUnits(costs.content)
    const packet = packetAt(source, at)
    if (packet === undefined) {
      if (at === 0) return false
      yield* emit({ bytes: source.subarray(at) })
      return true
    }
    const kind = packets.get(packet.tag)?.kind
    if (kind === 'encrypted') work.onOdd?.('encrypted')
    const isOpened = kind === 'literal' || kind === 'compressed'
    const store = new Store(work.pool)
    try {
      const { body, to, isWhole } = yield* readBody(source, packet, isOpened, store, work)
      if (kind === 'literal') yield* emit(fileOf(body))
      if (kind === 'compressed') yield* emitCompressed(body, isDeclared && isWhole, work, emit)
      if (!isWhole) return kind === 'encrypted'
      at = to
    } finally {
      store.close()
    }
  }
  return true
}

export const openPgp: Container = {
  kind: 'openpgp',
  declaredAs: 'openpgp',
  mustBeRead: true,
  open,
}

/**
 * Examines the packets up to the first whose body is known. GnuPG and Sequoia skip packets of other kinds,
 * and signatures of other versions, but none in pieces. If the first is encrypted, a program needs all of it
 * to read on.
 */
function* beginsPgp(source: MailBytes, work: Work): Steps<boolean> {
  for (let at = 0; ; ) {
    const packet = packetAt(source, at)
    if (!packet) return false
    const { from, length, isPartial } = packet
    const { kind = 'front', mayBeFirst = never } = packets.get(packet.tag) ?? {}
    const isCut = !isPartial && Number.isFinite(length) && from + length > source.length
    if (mayBeFirst(source.subarray(from, from + Math.min(3, length))))
      return !(isCut && kind === 'encrypted')
    if (kind !== 'front' || packet.tag === 0 || packet.tag === CONTROL_PACKET || isPartial)
      return false
    yield* work.countUnits(costs.content)
    at = from + length
  }
}

/** A body of a packet, or a piece of it. */
interface Piece {
  /** Where it begins. */
  readonly from: number
  /** Infinity if it extends to the end. */
  readonly length: number
  /** Whether another piece of the body follows, with a length of its own. */
  readonly isPartial: boolean
}

/** Reads the beginning of a packet (RFC 9580 4.2). Returns undefined if the bytes are not a packet. */
function packetAt(source: MailBytes, at: number): (Piece & { readonly tag: number }) | undefined {
  const first = source[at] ?? 0
  if (first < 0x80) return undefined
  const isNew = (first & 0x40) !== 0
  const piece = isNew ? newPiece(source, at + 1) : oldPiece(source, at + 1, first & 3)
  return piece && { ...piece, tag: isNew ? first & 0x3f : (first >> 2) & 0x0f }
}

function oldPiece(source: MailBytes, at: number, type: number): Piece | undefined {
  if (type === 3) return { from: at, length: Number.POSITIVE_INFINITY, isPartial: false }
  return pieceAfter(source, at, 1 << type)
}

function newPiece(source: MailBytes, at: number): Piece | undefined {
  const first = source[at]
  if (first === undefined || first < 192) return pieceAfter(source, at, 1)
  if (first === 255) return pieceAfter(source, at + 1, 4)
  if (first >= 224) return { from: at + 1, length: 2 ** (first & 0x1f), isPartial: true }
  const second = source[at + 1]
  if (second === undefined) return undefined
  return { from: at + 2, length: (first - 192) * 256 + second + 192, isPartial: false }
}

/** Returns the piece after its length, a number of this many bytes. */
function pieceAfter(source: MailBytes, at: number, bytes: number): Piece | undefined {
  if (at + bytes > source.length) return undefined
  return { from: at + bytes, length: source.readUIntBE(at, bytes), isPartial: false }
}

/**
 * Returns the body of a packet, its end, and whether all of it is there. A body of several pieces is joined in the store
 * if it is opened.
 */
function* readBody(
  source: MailBytes,
  first: Piece,
  isOpened: boolean,
  store: Store,
  work: Work,
): Steps<{ readonly body: MailBytes; readonly to: number; readonly isWhole: boolean }> {
  let piece = first
  for (;;) {
    yield* work.countUnits(costs.content)
    const { from, length } = piece
    const to = Math.min(source.length, from + length)
    const isWhole = length === Number.POSITIVE_INFINITY || to - from === length
    if (piece === first && !piece.isPartial) return { body: source.subarray(from, to), to, isWhole }
    if (isOpened) yield* work.copy(source.subarray(from, to), store)
    const next = isWhole && piece.isPartial ? newPiece(source, to) : undefined
    if (next === undefined)
      return { body: store.finish(), to, isWhole: isWhole && !piece.isPartial }
    piece = next
  }
}

/** Returns the data of a literal packet, which follows its format, its file name and its date. */
function fileOf(body: MailBytes): Member {
  const nameEnd = 2 + (body[1] ?? 0)
  return { bytes: body.subarray(nameEnd + 4), names: [shortText(body, 2, nameEnd - 2)] }
}

/**
 * `isMeant` means that the bytes are a packet that was meant to be one. What is compressed in a way that onescan does not
 * read, such as bzip2, is reported like encrypted content: its programs open it, and scanners see nothing of it.
 */
function* emitCompressed(
  body: MailBytes,
  isMeant: boolean,
  work: Work,
  emit: Opening['emit'],
): Steps {
  const compression = compressions.get(body[0] ?? -1)
  const data = body.subarray(1)
  if (compression === undefined) {
    // Any bytes may look like such a packet.
    if (isMeant || startsWith(body, BZIP2)) work.onOdd?.('encrypted')
    return
  }
  if (compression === 'none') {
    yield* emit({ bytes: data })
    return
  }
  yield* inflated(data, compression, work, (bytes, { isBroken }) => {
    // Any bytes may look like a deflated packet. A real one inflates to some output.
    return emitPacket(bytes, isBroken && (isMeant || bytes.length > 0), emit)
  })
}

function* emitPacket(bytes: MailBytes, isUnreadable: boolean, emit: Opening['emit']): Steps {
  if (bytes.length > 0) yield* emit({ bytes })
  if (isUnreadable) throw new Unreadable('OpenPGP')
}

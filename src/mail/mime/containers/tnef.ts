import type { MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import type { Container, Opening } from './container.ts'
import { unpackedRtf } from './rtf.ts'

const SIGNATURE = 0x223e9f78

/** The bytes of the signature with a key, and those in front of the data of an attribute: level, id and length. */
const SIGNATURE_HEADER = 6
const ATTRIBUTE_HEADER = 9
const ATTRIBUTE_CHECKSUM = 2

/** Upper limit, in bytes, for a name, and for the names of a file. */
const NAME_BYTES_MAX = 1024
const NAMES_MAX = 50

/** Attributes (MS-OXTNEF 2.1.3.2): that with which a file begins, its name, and lists of properties. */
const NEXT_FILE = 0x69002
const TITLE = 0x18010
const LISTS: ReadonlySet<number> = new Set([0x69003, 0x69005])

/** Types of properties (MS-OXCDATA 2.11.1). */
const STRING = 0x1e
const UNICODE = 0x1f
const OBJECT = 0x0d
const IS_LIST = 0x1000
const sizes: ReadonlyMap<number, number> = new Map([
  ...[0, 1, 2, 3, 4, 0x0a, 0x0b].map((type) => [type, 4] as const),
  ...[5, 6, 7, 0x14, 0x40].map((type) => [type, 8] as const),
  [0x48, 16],
])
/** Properties whose values are names of a file. */
const NAMES: ReadonlySet<number> = new Set([0x3001, 0x3704, 0x3707])
/**
 * The attributes and properties whose values are files, or the text of the message: attAttachData, attBody,
 * PidTagAttachDataBinary, PidTagBody and PidTagHtml.
 */
const VALUES: ReadonlySet<number> = new Set([0x6800f, 0x2800c, 0x3701, 0x1000, 0x1013])
/** PidTagRtfCompressed, which holds the text of the message as Outlook shows it. */
const RTF = 0x1009
/** The bytes of an identifier, such as that of the interface, which precedes an object. */
const IDENTIFIER = 16

/**
 * Yields the contents of TNEF (MS-OXTNEF), which Outlook sends as winmail.dat: the files, and all other values that are
 * long enough for one. The text in RTF is also unpacked. If a length is wrong, all available bytes are yielded, and
 * nothing after them.
 *
 * The names of a file may follow its data, so a file is yielded at the beginning of the next one.
 */
function* open(source: MailBytes, opening: Opening): Steps<boolean> {
  const { work } = opening
  if (source.length < SIGNATURE_HEADER || source.readUInt32LE() !== SIGNATURE) return false
  let file = new TnefFile()
  for (let at = SIGNATURE_HEADER; at + ATTRIBUTE_HEADER <= source.length; ) {
    yield* work.countUnits(costs.value)
    const id = source.readUInt32LE(at + 1)
    const from = at + ATTRIBUTE_HEADER
    const to = from + source.readUInt32LE(at + 5)
    const data = source.subarray(from, to)
    at = to + ATTRIBUTE_CHECKSUM
    if (id === NEXT_FILE) {
      yield* file.emit(opening)
      file = new TnefFile()
    }
    if (id === TITLE) file.addName(yield* nameOfFile(data, STRING, work))
    else if (LISTS.has(id)) yield* readProperties(data, work, file)
    else file.add(data, VALUES.has(id))
  }
  yield* file.emit(opening)
  return true
}

export const tnef: Container = { kind: 'tnef', open }

/** A file, or the message above the files, with all its values that may be files and all its names. */
class TnefFile {
  readonly #names = new Set<string>()
  readonly #values: MailBytes[] = []
  readonly #rtfs: MailBytes[] = []

  addName(name: string): void {
    if (name !== '') this.#names.add(name)
    if (this.#names.size > NAMES_MAX) {
      throw new LimitExceeded(`more than ${NAMES_MAX} names of a file in TNEF`)
    }
  }

  /** Adds a value. One that is not known as a file is skipped if it is too short for more than an identifier. */
  add(value: MailBytes, isFile: boolean): void {
    if (value.length <= (isFile ? 0 : IDENTIFIER)) return
    if (this.#values.push(value) > limits.contents) {
      throw new LimitExceeded(`more than ${limits.contents} values of a file in TNEF`)
    }
  }

  /** Adds RTF, which is emitted as it is, and unpacked. */
  addRtf(value: MailBytes): void {
    this.add(value, true)
    this.#rtfs.push(value)
  }

  *emit({ work, emit }: Opening): Steps {
    const names = [...this.#names]
    // A name without data is reported, too.
    const values =
      this.#values.length > 0 ? this.#values : names.length > 0 ? [Buffer.alloc(0)] : []
    for (const bytes of values) yield* emit({ bytes, names })
    for (const rtf of this.#rtfs) {
      yield* unpackedRtf(rtf, work, (bytes) => emit({ bytes, names }))
    }
  }
}

function* readProperties(list: MailBytes, work: Work, file: TnefFile): Steps {
  const reader = new NumberReader(list)
  for (let count = reader.number(4); count > 0; count--) {
    yield* work.countUnits(costs.value)
    const listed = reader.number(2)
    const short = reader.number(2)
    if (short < 0) return
    const id = short >= 0x8000 ? namedProperty(reader) : short
    const type = listed & ~IS_LIST
    const size = sizes.get(type)
    const isList = listed !== type || size === undefined
    const values = isList ? reader.number(4) : 1
    for (let value = 0; value < values && reader.at < list.length; value++) {
      yield* work.countUnits(costs.value)
      if (size !== undefined) {
        reader.at += size
        continue
      }
      const length = reader.number(4)
      if (length < 0) return
      const data = list.subarray(reader.at, reader.at + length)
      reader.at += padded(length)
      if (NAMES.has(id)) file.addName(yield* nameOfFile(data, type, work))
      if (type === OBJECT && data.length > IDENTIFIER) file.add(data.subarray(IDENTIFIER), true)
      if (id === RTF) file.addRtf(data)
      else file.add(data, VALUES.has(id))
    }
  }
}

/** Reads the name of a property with a set of names of its own. Returns its number there, or -1 if it is a text. */
function namedProperty(reader: NumberReader): number {
  reader.at += IDENTIFIER
  const isText = reader.number(4) !== 0
  const number = reader.number(4)
  if (isText) reader.at += padded(Math.max(0, number))
  return isText ? -1 : number
}

function* nameOfFile(data: MailBytes, type: number, work: Work): Steps<string> {
  const name = yield* work.searched(data, 0, NAME_BYTES_MAX)
  return name.toString(type === UNICODE ? 'utf16le' : 'latin1').split('\0', 1)[0]!
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4
}

/** Reads little-endian numbers. */
class NumberReader {
  readonly #bytes: MailBytes
  at = 0

  constructor(bytes: MailBytes) {
    this.#bytes = bytes
  }

  /** Returns the next number of this many bytes, or -1 if there are fewer. */
  number(bytes: 2 | 4): number {
    const from = this.at
    this.at += bytes
    return this.at > this.#bytes.length ? -1 : this.#bytes.readUIntLE(from, bytes)
  }
}

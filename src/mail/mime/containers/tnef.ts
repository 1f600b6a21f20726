import { Bytes } from '../../message/bytes.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { ByteCursor } from './byte-cursor.ts'
import type { Opening } from './container.ts'
import { unpackedRtf } from './rtf.ts'

const NO_BYTES = Bytes.of(Buffer.alloc(0))

const SIGNATURE = 0x223e9f78

/** The units of work of an attribute or a property, in addition to its bytes. */
const ENTRY_COST = 256
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
/** The length of an identifier, such as that of the interface, which precedes an object. */
const IDENTIFIER = 16

/**
 * Yields the contents of TNEF (MS-OXTNEF), which Outlook sends as winmail.dat: the files, and all other values that are
 * long enough for one. The text in RTF is also unpacked. If a length is wrong, all available bytes are yielded, and
 * nothing after them.
 *
 * The names of a file may follow its data, so a file is yielded at the beginning of the next one.
 */
export function* openTnef(source: Bytes, opening: Opening): Steps<boolean> {
  const { work } = opening
  const cursor = new ByteCursor(source)
  if (numberOf(cursor, 4) !== SIGNATURE) return false
  cursor.skip(2)
  let file = new TnefFile()
  while (cursor.left > 0) {
    yield* work.countUnits(ENTRY_COST)
    cursor.skip(1)
    const id = numberOf(cursor, 4)
    const length = Math.min(numberOf(cursor, 4), cursor.left)
    if (id < 0 || length < 0) break
    const data = source.slice(cursor.at, cursor.at + length)
    cursor.skip(length + 2)
    if (id === NEXT_FILE) {
      yield* file.emit(opening)
      file = new TnefFile()
    }
    if (id === TITLE) file.addName(nameIn(data, STRING))
    else if (LISTS.has(id)) yield* readProperties(data, work, file)
    else file.add(data, VALUES.has(id))
  }
  yield* file.emit(opening)
  return true
}

/** A file, or the message above the files, with all its values that may be files and all its names. */
class TnefFile {
  readonly #names = new Set<string>()
  readonly #values: Bytes[] = []
  readonly #rtfs: Bytes[] = []

  addName(name: string): void {
    if (name !== '') this.#names.add(name)
    if (this.#names.size > NAMES_MAX) {
      throw new LimitExceeded(`more than ${NAMES_MAX} names of a file in TNEF`)
    }
  }

  /** Adds a value. One that is not known as a file is skipped if it is too short for more than an identifier. */
  add(value: Bytes, isFile: boolean): void {
    if (value.size <= (isFile ? 0 : IDENTIFIER)) return
    if (this.#values.push(value) > limits.contents) {
      throw new LimitExceeded(`more than ${limits.contents} values of a file in TNEF`)
    }
  }

  /** Adds RTF, which is emitted as it is, and unpacked. */
  addRtf(value: Bytes): void {
    this.add(value, true)
    this.#rtfs.push(value)
  }

  *emit({ work, emit }: Opening): Steps {
    const names = [...this.#names]
    // A name without data is reported, too.
    const values = this.#values.length > 0 ? this.#values : names.length > 0 ? [NO_BYTES] : []
    for (const bytes of values) yield* emit({ bytes, names })
    for (const rtf of this.#rtfs) {
      const store = yield* unpackedRtf(rtf.gather(), work)
      try {
        if (store.size > 0) yield* emit({ bytes: Bytes.of(store.finish()), names })
      } finally {
        store.close()
      }
    }
  }
}

function* readProperties(list: Bytes, work: Work, file: TnefFile): Steps {
  const cursor = new ByteCursor(list)
  for (let count = numberOf(cursor, 4); count > 0; count--) {
    yield* work.countUnits(ENTRY_COST)
    const listed = numberOf(cursor, 2)
    const short = numberOf(cursor, 2)
    if (short < 0) return
    const id = short >= 0x8000 ? namedProperty(cursor) : short
    const type = listed & ~IS_LIST
    const size = sizes.get(type)
    const isList = listed !== type || size === undefined
    const values = isList ? numberOf(cursor, 4) : 1
    for (let value = 0; value < values && cursor.left > 0; value++) {
      yield* work.countUnits(ENTRY_COST)
      if (size !== undefined) {
        cursor.skip(size)
        continue
      }
      const length = Math.min(numberOf(cursor, 4), cursor.left)
      if (length < 0) return
      const data = list.slice(cursor.at, cursor.at + length)
      cursor.skip(padded(length))
      if (NAMES.has(id)) file.addName(nameIn(data, type))
      if (type === OBJECT && data.size > IDENTIFIER) file.add(data.slice(IDENTIFIER), true)
      if (id === RTF) file.addRtf(data)
      else file.add(data, VALUES.has(id))
    }
  }
}

/** Reads the name of a property with a set of names of its own. Returns its number there, or -1 if it is a text. */
function namedProperty(cursor: ByteCursor): number {
  cursor.skip(IDENTIFIER)
  const isText = numberOf(cursor, 4) !== 0
  const number = numberOf(cursor, 4)
  if (isText) cursor.skip(padded(Math.max(0, number)))
  return isText ? -1 : number
}

function nameIn(data: Bytes, type: number): string {
  const bytes = data.gather(0, NAME_BYTES_MAX)
  return bytes.toString(type === UNICODE ? 'utf16le' : 'latin1').split('\0', 1)[0]!
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4
}

/** Reads a little-endian number, or -1 at the end of the source. */
function numberOf(cursor: ByteCursor, bytes: number): number {
  let number = 0
  for (let at = 0; at < bytes; at++) {
    const byte = cursor.byte()
    if (byte < 0) return -1
    number += byte * 2 ** (8 * at)
  }
  return number
}

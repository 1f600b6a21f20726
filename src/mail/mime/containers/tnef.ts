import type { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { ByteCursor } from './byte-cursor.ts'
import type { Opening } from './container.ts'

const SIGNATURE = 0x223e9f78

/** The units of work of an attribute or a property, in addition to its bytes. */
const ENTRY_COST = 256
/** Upper limit, in bytes, for a name. */
const NAME_BYTES_MAX = 1024

/** Attributes (MS-OXTNEF 2.1.3.2): the name of a file, and lists of properties. */
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
/** The length of the name of the interface, which precedes an object. */
const INTERFACE = 16

interface TnefListener {
  readonly name: (name: string) => void
  readonly give: (content: Bytes) => Steps
}

/** Opens TNEF. The names of a file precede it. */
export function* openTnef(source: Bytes, { work, give }: Opening): Steps<boolean> {
  const names: string[] = []
  return yield* readTnef(source, work, {
    name: (name) => void names.push(name),
    give: (bytes) => give({ bytes, names: names.splice(0) }),
  })
}

/**
 * Yields the contents of TNEF (MS-OXTNEF), which Outlook sends as winmail.dat: the data of each attribute,
 * and of each property that is binary, an object or a text. Returns whether the bytes are TNEF. If a length
 * is wrong, all available bytes are yielded, and nothing after them.
 */
function* readTnef(source: Bytes, work: Work, listener: TnefListener): Steps<boolean> {
  const cursor = new ByteCursor(source)
  if (numberOf(cursor, 4) !== SIGNATURE) return false
  cursor.skip(2)
  while (cursor.left > 0) {
    yield* work.countUnits(ENTRY_COST)
    cursor.skip(1)
    const id = numberOf(cursor, 4)
    const length = Math.min(numberOf(cursor, 4), cursor.left)
    if (id < 0 || length < 0) break
    const data = source.slice(cursor.at, cursor.at + length)
    cursor.skip(length + 2)
    if (id === TITLE) listener.name(nameIn(data, STRING))
    else if (LISTS.has(id)) yield* readProperties(data, work, listener)
    else if (length > INTERFACE) yield* listener.give(data)
  }
  return true
}

function* readProperties(list: Bytes, work: Work, listener: TnefListener): Steps {
  const cursor = new ByteCursor(list)
  for (let count = numberOf(cursor, 4); count > 0; count--) {
    yield* work.countUnits(ENTRY_COST)
    const type = numberOf(cursor, 2)
    const id = numberOf(cursor, 2)
    if (id < 0) return
    if (id >= 0x8000) skipName(cursor)
    const size = sizes.get(type & ~IS_LIST)
    const isList = (type & IS_LIST) !== 0 || size === undefined
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
      yield* giveValue({ id, type: type & ~IS_LIST, data }, listener)
    }
  }
}

/** Skips the name of a property that has one in addition to its number. */
function skipName(cursor: ByteCursor): void {
  cursor.skip(INTERFACE)
  const isText = numberOf(cursor, 4) !== 0
  const number = numberOf(cursor, 4)
  if (isText) cursor.skip(padded(Math.max(0, number)))
}

function* giveValue(
  { id, type, data }: { readonly id: number; readonly type: number; readonly data: Bytes },
  { name, give }: TnefListener,
): Steps {
  if (NAMES.has(id)) name(nameIn(data, type))
  if (type === OBJECT && data.size > INTERFACE) yield* give(data.slice(INTERFACE))
  if (data.size > INTERFACE) yield* give(data)
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

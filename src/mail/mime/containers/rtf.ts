import type { Bytes } from '../../message/bytes.ts'
import type { Store } from '../shared/store.ts'
import type { Steps, Work } from '../shared/work.ts'
import { ByteCursor } from './byte-cursor.ts'

/** What the dictionary holds before the first byte (MS-OXRTFCP 2.1.2.1). */
const BEGINNING =
  '{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern ' +
  '\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0' +
  '\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx'
const DICTIONARY = 4096
const HEADER = 16
const UNCOMPRESSED = 'MELA'

/** The most bytes of eight steps, each of which copies seventeen at most. */
const AT_ONCE = 8 * 17

/** Appends the RTF that a property of a message holds, compressed (MS-OXRTFCP) or not. All of it counts. */
export function* unpackedRtf(source: Bytes, store: Store, work: Work): Steps {
  if (source.size <= HEADER) return
  const cursor = new ByteCursor(source)
  const isPlain = source.gather(8, 12).toString('latin1') === UNCOMPRESSED
  cursor.skip(HEADER)
  if (isPlain) {
    yield* cursor.copy(cursor.left, store, work)
    return
  }
  const dictionary = Buffer.alloc(DICTIONARY)
  let at = dictionary.write(BEGINNING, 'latin1')
  const out = Buffer.alloc(AT_ONCE)
  for (let isOver = false; !isOver; ) {
    let length = 0
    const put = (byte: number) => {
      out[length++] = byte
      dictionary[at] = byte
      at = (at + 1) % DICTIONARY
    }
    const control = cursor.byte()
    for (let bit = 0; bit < 8 && !isOver; bit++) {
      const first = cursor.byte()
      const isReference = (control & (1 << bit)) !== 0
      const second = isReference ? cursor.byte() : 0
      const from = (first << 4) | (second >> 4)
      isOver = first < 0 || second < 0 || (isReference && from === at)
      if (isOver) break
      if (!isReference) put(first)
      else for (let n = 0; n < (second & 15) + 2; n++) put(dictionary[(from + n) % DICTIONARY]!)
    }
    work.countBytes(length)
    store.append(out, 0, length)
    yield* work.countUnits(AT_ONCE)
  }
}

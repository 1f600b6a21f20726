import { type MailBytes, shortText } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { Store } from '../storage/store.ts'

/** The content of the dictionary before the first byte (MS-OXRTFCP 2.1.3.1.2). */
const BEGINNING =
  '{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern ' +
  '\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0' +
  '\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx'
const DICTIONARY = 4096

/** The length of the header, and its third field, which states whether the rest is compressed (2.1.3.1.1). */
const RTF_HEADER = 16
const COMPRESSED = 'LZFu'
const UNCOMPRESSED = 'MELA'

/** Upper limit for the bytes of eight steps, each of which copies seventeen bytes at most. */
const RUN_MAX = 8 * 17

/**
 * Unpacks the RTF in a property of a message (MS-OXRTFCP). If the property is truncated, it is all that precedes that; of
 * other bytes it is empty. All of it is counted. It is there until the steps of `use` are done.
 */
export function* unpackedRtf(source: MailBytes, work: Work, use: (rtf: MailBytes) => Steps): Steps {
  const store = new Store(work.pool)
  try {
    const type = shortText(source, 8, 4)
    if (type === COMPRESSED) yield* unpack(source, store, work)
    if (type === UNCOMPRESSED) {
      work.countBytes(source.length)
      yield* work.countUnits(source.length)
      store.putAll(source, RTF_HEADER)
    }
    const rtf = store.finish()
    if (rtf.length > 0) yield* use(rtf)
  } finally {
    store.close()
  }
}

function* unpack(source: MailBytes, store: Store, work: Work): Steps {
  const dictionary = Buffer.alloc(DICTIONARY)
  let end = dictionary.write(BEGINNING, 'latin1')
  const run = Buffer.alloc(RUN_MAX)
  for (let at = RTF_HEADER; at < source.length; ) {
    const control = source[at++]!
    let length = 0
    let hasEnded = false
    const put = (byte: number) => {
      run[length++] = byte
      dictionary[end] = byte
      end = (end + 1) % DICTIONARY
    }
    for (let bit = 0; bit < 8 && !hasEnded; bit++) {
      const isReference = (control & (1 << bit)) !== 0
      if (at + (isReference ? 2 : 1) > source.length) hasEnded = true
      else if (!isReference) put(source[at++]!)
      else {
        const reference = source.readUInt16BE(at)
        at += 2
        const from = reference >> 4
        if (from === end) hasEnded = true
        else
          for (let n = 0; n < (reference & 15) + 2; n++) put(dictionary[(from + n) % DICTIONARY]!)
      }
    }
    work.countBytes(length)
    store.putAll(run, 0, length)
    yield* work.countUnits(RUN_MAX)
    if (hasEnded) return
  }
}

import { Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import { binHexFile } from '../containers/binhex-file.ts'
import type { Declared } from '../containers/containers.ts'
import { binHex } from '../decoders/binhex.ts'
import { decoded } from '../decoders/decoder.ts'
import { withoutNuls, withoutTails } from '../decoders/text-transforms.ts'
import { EmbeddedData, type TextRange } from './embedded-data.ts'
import { type EmbeddedKind, embeddedFormats, kindsInTexts } from './embedded-formats.ts'
import type { Extraction } from './extraction.ts'
import { holdsNul } from './text-properties.ts'

/** The cost of a block of encoded data, in addition to its bytes. */
const BLOCK_COST = 2048

/** Opens what is encoded in a text, or in a file, that was decoded. */
export function* openEmbedded(text: Bytes, extraction: Extraction, kinds = kindsInTexts): Steps {
  const data = yield* EmbeddedData.of(text, kinds, extraction.work)
  const whole = { from: 0, to: text.size }
  if (data.beginsIn(whole, kinds))
    yield* extraction.inside((inner) => openEmbeddedIn(whole, data, kinds, inner))
}

/** Opens the data of these kinds in a range of a text, except the blocks that `known` has, to which it adds. */
export function* openEmbeddedIn(
  range: TextRange,
  data: EmbeddedData,
  kinds: ReadonlySet<EmbeddedKind>,
  extraction: Extraction,
  known = new Set<string>(),
): Steps {
  const { work } = extraction
  if (!data.beginsIn(range, kinds)) return
  yield* openBlocks(range, data, kinds, extraction, known)
  const part = data.text.slice(range.from, range.to)
  if (!(yield* holdsNul(part, work))) return
  // Some programs end lines at a NUL, or skip NULs.
  const open = (text: Bytes) => openBlocksOf(text, kinds, extraction)
  yield* decoded(part, withoutTails, work, open)
  yield* decoded(part, withoutNuls, work, open)
}

function* openBlocksOf(
  text: Bytes,
  kinds: ReadonlySet<EmbeddedKind>,
  extraction: Extraction,
): Steps {
  const data = yield* EmbeddedData.of(text, kinds, extraction.work)
  yield* openBlocks({ from: 0, to: text.size }, data, kinds, extraction, new Set())
}

function* openBlocks(
  range: TextRange,
  data: EmbeddedData,
  kinds: ReadonlySet<EmbeddedKind>,
  extraction: Extraction,
  known: Set<string>,
): Steps {
  const { work } = extraction
  const blocks = yield* data.blocks(range, kinds, limits.blocks, work)
  if (blocks.length > limits.blocks || data.isCut) {
    work.leaveUnread(`more than ${limits.blocks} blocks of encoded data`)
  }
  for (const { kind, from, to, name } of blocks.slice(0, limits.blocks)) {
    const key = `${kind} ${from} ${to}`
    if (known.has(key)) continue
    known.add(key)
    yield* work.countUnits(BLOCK_COST)
    const block = data.text.slice(from, to)
    const { codec } = embeddedFormats[kind]
    if (codec === undefined) {
      yield* openBinHex(block, extraction)
      continue
    }
    const file = yield* extraction.enter(kind, [name])
    const declared = declaredAbove(data.text, from)
    yield* file.at({ declared }).decodeInEachWay(codec, block)
  }
}

/** Opens a file in BinHex, which all programs decode alike. */
function openBinHex(data: Bytes, extraction: Extraction): Steps {
  return decoded(data, binHex, extraction.work, (source) => openFile(source, extraction))
}

function* openFile(source: Bytes, extraction: Extraction): Steps {
  const { name, forks } = binHexFile(source.gather())
  const names = [name]
  for (const fork of forks) {
    const file = yield* extraction.enter('binhex', names)
    yield* file.at({ declared: NOTHING }).emitAndOpen(Bytes.of(fork))
  }
}

const NOTHING: Declared = new Set()

/** Upper limit for the bytes examined of the line above armour. */
const LABEL_MAX = 128

/** Returns what the line that ends at `to` declares the following armour as. */
function declaredAbove(source: Bytes, to: number): Declared {
  const above = source
    .gather(Math.max(0, to - LABEL_MAX), to)
    .toString('latin1')
    .trimEnd()
  const line = above.split(/[\r\n]/).at(-1)!
  const [, label = ''] = /-----begin ([a-z#]+)/i.exec(line) ?? []
  if (/^pgp$/i.test(label)) return new Set(['openpgp'])
  return /^(?:pkcs|cms|smime)/i.test(label) ? new Set(['smime']) : NOTHING
}

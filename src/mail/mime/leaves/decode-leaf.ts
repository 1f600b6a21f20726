import type { Bytes } from '../../message/bytes.ts'
import type { Steps } from '../budget/work.ts'
import { decoded, decodedInEachWay } from '../decoders/decoder.ts'
import { withoutTails } from '../decoders/text-transforms.ts'
import { type Encoding, transferEncodings } from '../headers/encodings.ts'
import { Way } from '../quirks/way.ts'
import type { Oddity } from '../reports/oddities.ts'
import { isCarved, type Leaf } from '../structure/leaf.ts'
import { declaredOfLeaf } from './declared.ts'
import type { Extraction } from './extraction.ts'
import { saveAsDecoded, saveContent } from './save-content.ts'
import { holdsNul, NO_LINE_END, splitLineEnd } from './text-properties.ts'

/**
 * Decodes a leaf part by each encoding that it may have. Emits all variants in which programs save the result.
 */
export function* decodeLeaf(leaf: Leaf, source: Bytes, outer: Extraction): Steps {
  const part = source.slice(leaf.from, leaf.to)
  const declared = yield* declaredOfLeaf(leaf, part, outer.work)
  const extraction = outer.at({ declared, messages: leaf.depth.messages })
  const { work, options, layers } = extraction
  const hasNul = yield* holdsNul(part, work)
  const isSure = isDecodedOnce(leaf) && !hasNul
  for (const [number, encoding] of leaf.encodings.entries()) {
    const found = yield* decodeBy(encoding, part, leaf, extraction, isSure)
    if (number > 0 || layers > 0) continue
    if (found.isEmitted && (isSure || holdsBase64Alone(leaf)))
      options.onEmitted?.({ from: leaf.from, to: leaf.to })
    if (!isCarved(leaf) && leaf.encodings.length === 1)
      for (const oddity of found.oddities) work.onOdd?.(oddity)
  }
  if (!hasNul || leaf.role === 'guess') return
  // Programs in C read each line up to its first NUL.
  const file = { ...leaf, header: { ...leaf.header, isShown: false } }
  yield* decoded(part, withoutTails, work, (heads) => decodeByEach(heads, file, extraction))
}

function* decodeByEach(part: Bytes, leaf: Leaf, extraction: Extraction): Steps {
  for (const encoding of leaf.encodings) yield* decodeBy(encoding, part, leaf, extraction)
}

/** What one encoding of a part gives. */
interface DecodedPart {
  /** Whether all of it was emitted as one content. */
  readonly isEmitted: boolean
  readonly oddities: readonly Oddity[]
}

/**
 * Decodes a part by one encoding: first as nearly all programs do, and then in each way in which some program does, unless
 * the part is decoded once and all decode it alike, or it is a guess.
 */
function* decodeBy(
  encoding: Encoding,
  part: Bytes,
  leaf: Leaf,
  extraction: Extraction,
  isSure = false,
): Steps<DecodedPart> {
  const { work } = extraction
  const { decoder, encodes, isCommon, plainInTexts = [] } = transferEncodings[encoding]
  const { isShown, isMessage } = leaf.header
  const below = splitLineEnd(part)
  if (decoder === undefined) {
    const isWhole = yield* saveContent({ ...below, encoding }, leaf, extraction)
    return { isEmitted: isWhole && !isMessage, oddities: [] }
  }
  const way = new Way()
  const isAlike = () => [...way.met].every((quirk) => isShown && plainInTexts.includes(quirk))
  if (isCommon) {
    // A text that programs display includes the line end before the delimiter.
    const isWhole = encodes === 'bytes' || isShown
    const save = (bare: Bytes) => {
      const split =
        isWhole && encodes === 'lines'
          ? splitLineEnd(bare)
          : { bare, end: isWhole ? NO_LINE_END : below.end }
      return saveContent({ ...split, encoding }, leaf, extraction)
    }
    yield* decoded(isWhole ? part : below.bare, decoder, work, save, way)
  }
  const isEmitted = isCommon && isAlike()
  if (leaf.role === 'guess' || (isSure && isEmitted)) return { isEmitted, oddities: [] }
  const encoded = encodes === 'lines' ? below.bare : part
  const saved = new Set<string>()
  const { oddities } = yield* decodedInEachWay(encoded, decoder, work, (bytes) =>
    saveOnce(bytes, saved, leaf, extraction),
  )
  return { isEmitted, oddities }
}

/** There may be dozens of ways, many with the same result, which is saved once. */
function* saveOnce(bytes: Bytes, saved: Set<string>, leaf: Leaf, extraction: Extraction): Steps {
  const key = yield* extraction.keyOf(bytes)
  if (!saved.has(key)) yield* saveAsDecoded(bytes, leaf, extraction)
  saved.add(key)
}

/** Whether a carved part, of which no decoder noted a quirk, is data in base64: it hides nothing else. */
function holdsBase64Alone({ role, encodings }: Leaf): boolean {
  return role === 'carved' && encodings.length === 1 && encodings[0] === 'base64'
}

/**
 * Whether a part is decoded once: it is of an ordinary mail, with one encoding, and nothing in its header is odd.
 * It is decoded again only if its decoder notes a quirk. This is true of most parts of ordinary mail. Any other part is
 * decoded in each way in which some program understands it.
 */
export function isDecodedOnce(leaf: Leaf): boolean {
  return !isCarved(leaf) && leaf.header.oddities.length === 0 && leaf.encodings.length === 1
}

import type { Bytes } from '../../message/bytes.ts'
import type { Steps } from '../budget/work.ts'
import { decoded, decodedInEachWay } from '../decoders/decoder.ts'
import { withoutTails } from '../decoders/text-transforms.ts'
import { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import { isMessageByDefault } from '../structure/depth.ts'
import type { Leaf } from '../structure/leaf.ts'
import type { PartForm } from '../traits/part-forms.ts'
import type { Scope } from './emitter.ts'
import type { Extraction } from './extraction.ts'
import { SavedVariants } from './saved-variants.ts'
import { holdsNul, NO_LINE_END, splitLineEnd } from './text-properties.ts'
import { transferEncodings } from './transfer-encodings.ts'

/**
 * Decodes a leaf part as nearly all programs do and, if they differ, in each way in which one of them does. Emits all
 * variants in which they save the result.
 */
export function* decodeLeaf(leaf: Leaf, source: Bytes, around: Extraction): Steps {
  const part = source.slice(leaf.from, leaf.to)
  const extraction = around.at(scopeOf(leaf))
  const { work, options } = extraction
  const variants = new SavedVariants(leaf, leaf.to === source.size, extraction)
  const hasNul = yield* holdsNul(part, work)
  const [common, ...others] = leaf.encodings
  const result = yield* decodeCommonly(part, common!, leaf, variants, extraction.scope.form)
  const isOfMail = extraction.scope.depth === 0
  const isPlain = isPlainLeaf(leaf) && !hasNul
  if (result === 'emitted' && isOfMail && (isPlain || holdsBase64Alone(leaf)))
    options.onEmitted?.({ from: leaf.from, to: leaf.to })
  if (isPlain && result !== 'not plain') return
  for (const other of others) yield* decodeCommonly(part, other, leaf, variants)
  if (leaf.carved === 'far') return
  const isReported = leaf.carved === undefined && others.length === 0 && isOfMail
  yield* decodeInEachWay(part, leaf, variants, isReported)
  if (!hasNul) return
  // Programs in C read each line up to its first NUL.
  yield* decoded(part, withoutTails, work, (heads) => decodeAsFile(heads, leaf, variants.ofFile()))
}

function* decodeAsFile(part: Bytes, leaf: Leaf, variants: SavedVariants): Steps {
  for (const encoding of leaf.encodings) yield* decodeCommonly(part, encoding, leaf, variants)
  yield* decodeInEachWay(part, leaf, variants)
}

/** Returns the scope of a leaf part, in addition to the scope around it. */
function scopeOf(leaf: Leaf): Partial<Scope> {
  const { header, depth } = leaf
  const ofPgp = depth.multipart?.hints.has('encrypted') === true
  const declared = ofPgp ? new Set([...header.hints, 'openpgp' as const]) : header.hints
  return { kind: kindOf(leaf), declared, messages: depth.messages }
}

/** Returns what a leaf part is opened as. In a digest no type is needed for a message (RFC 2046 5.1.5). */
function kindOf({ header, depth, carved, encodings }: Leaf): Scope['kind'] {
  // What is inside of a carved text is carved from the same mail.
  if (carved !== undefined && encodings[0] === 'identity') return 'text'
  const isMessage =
    header.message !== 'no' || header.hints.has('mail') || isMessageByDefault(header, depth)
  return isMessage ? 'message' : 'file'
}

/**
 * Decodes a part as nearly all programs do. Returns whether all of it was emitted, or is left to the scan of the whole,
 * or programs turned out to decode it differently.
 */
function* decodeCommonly(
  part: Bytes,
  encoding: Encoding,
  { header }: Leaf,
  variants: SavedVariants,
  form?: PartForm,
): Steps<'emitted' | 'left' | 'not plain'> {
  const { codec, encodes, isCommon, plainInTexts } = transferEncodings[encoding]
  if (!isCommon) return 'not plain'
  const isShown = header.text !== 'file'
  const below = splitLineEnd(part)
  if (codec === undefined) {
    const isEmitted = yield* variants.save({ ...below, encoding }, form)
    return isEmitted && header.message === 'no' ? 'emitted' : 'left'
  }
  const habits = new Habits()
  const isAlike = () =>
    [...habits.asked].every((feature) => isShown && plainInTexts.includes(feature))
  // A text that programs display includes the line end before the delimiter, also for libclamav.
  const isWhole = encodes === 'bytes' || isShown
  yield* decoded(isWhole ? part : below.bare, codec(habits), variants.extraction.work, (bare) => {
    let content = { bare, end: isWhole ? NO_LINE_END : below.end, encoding }
    if (isWhole && encodes === 'lines') content = { ...splitLineEnd(bare), encoding }
    return variants.save(content, isAlike() ? form : undefined)
  })
  return isAlike() ? 'emitted' : 'not plain'
}

/** Decodes a part in each way in which some program does, by each encoding that it may have. */
function* decodeInEachWay(
  part: Bytes,
  { encodings }: Leaf,
  variants: SavedVariants,
  isReported = false,
): Steps {
  const { work } = variants.extraction
  const save = (content: Bytes) => variants.saveAsDecoded(content)
  for (const encoding of encodings) {
    const { codec, encodes } = transferEncodings[encoding]
    if (codec === undefined) continue
    const encoded = encodes === 'lines' ? splitLineEnd(part).bare : part
    const { oddities } = yield* decodedInEachWay(encoded, codec, work, save)
    if (isReported) for (const oddity of oddities) work.onOdd?.(oddity)
  }
}

/** Whether a carved part, of which no decoder noted a feature, is data in base64: it hides nothing else. */
function holdsBase64Alone({ carved, encodings }: Leaf): boolean {
  return carved === 'near' && encodings.length === 1 && encodings[0] === 'base64'
}

/**
 * Whether a part is plain: all programs agree about the structure of the mail, the fields of its header and its encoding.
 * Such a part is decoded once, unless its decoder notes a feature. Most parts of ordinary mail are plain. Any other part is
 * decoded in each way in which some program understands it.
 */
export function isPlainLeaf({ header, encodings, carved }: Leaf): boolean {
  const isOrdinary = carved === undefined
  return isOrdinary && header.isPlain && header.oddities.length === 0 && encodings.length === 1
}

import type { Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import { binHexFile } from '../containers/binhex.ts'
import { armour, base64UntilEquals } from '../decoders/armour.ts'
import { Base64Decoder } from '../decoders/base64.ts'
import { BinHexDecoder } from '../decoders/binhex.ts'
import { type Codec, decoded, type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder } from '../decoders/quoted-printable.ts'
import { WithoutByte, WithoutTails } from '../decoders/text-forms.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { yenc } from '../decoders/yenc.ts'
import { type CodedLines, type CodedRange, findCodedLines } from './coded-blocks.ts'
import { type CodedKind, codedKinds } from './coded-data.ts'
import { holdsNul } from './content-checks.ts'
import type { Extraction } from './extraction.ts'
import type { Scope } from './scope.ts'

const withoutTails = makerOf(WithoutTails)
const withoutNuls = makerOf(WithoutByte, 0)

/**
 * How data is decoded that readers recognize by its form. Hardly any program opens data below fields in a text: it is
 * decoded in the common way alone, so that mail that quotes it is cheap.
 */
const codecs: Readonly<Record<Exclude<CodedKind, 'binhex'>, Codec>> = {
  uuencode,
  base64: base64UntilEquals,
  yenc,
  armour,
  'mime-base64': () => makerOf(Base64Decoder),
  'mime-quoted-printable': () => makerOf(QuotedPrintableDecoder),
}

/** The cost of a block of encoded data, in addition to its bytes. */
const BLOCK_COST = 2048

/** A text, or a range of it, in which data may be encoded. */
interface CodedText {
  readonly text: Bytes
  /** The lines of the text at which data begins. */
  readonly lines: CodedLines
  readonly range: CodedRange
  readonly kinds: ReadonlySet<CodedKind>
}

/** Gives what is encoded in a text, or in a file, that was decoded. */
export function* giveCodedWithin(text: Bytes, extraction: Extraction, kinds = codedKinds): Steps {
  const coded = yield* searched(text, kinds, extraction)
  if (coded.lines.anyIn(coded.range, kinds))
    yield* extraction.inside((inner) => giveCoded(coded, inner))
}

function* searched(
  text: Bytes,
  kinds: ReadonlySet<CodedKind>,
  extraction: Extraction,
): Steps<CodedText> {
  const lines = yield* findCodedLines(text, kinds, extraction.work)
  return { text, lines, range: { from: 0, to: text.size }, kinds }
}

/** Gives the data in a range of a text, except the blocks that `known` has, to which it adds. */
export function* giveCoded(coded: CodedText, extraction: Extraction, known?: Set<string>): Steps {
  const { text, lines, range, kinds } = coded
  if (!lines.anyIn(range, kinds)) return
  yield* giveBlocks(coded, extraction, known)
  const part = text.slice(range.from, range.to)
  if (!(yield* holdsNul(part, extraction.work))) return
  // Some readers end lines at a NUL, or skip NULs.
  const give = (text: Bytes) => giveCodedIn(text, kinds, extraction)
  yield* decoded(part, withoutTails, extraction.work, give)
  yield* decoded(part, withoutNuls, extraction.work, give)
}

function* giveCodedIn(text: Bytes, kinds: ReadonlySet<CodedKind>, extraction: Extraction): Steps {
  yield* giveBlocks(yield* searched(text, kinds, extraction), extraction)
}

function* giveBlocks(
  { text, lines, range, kinds }: CodedText,
  extraction: Extraction,
  known = new Set<string>(),
): Steps {
  const blocks = yield* lines.blocks(range, kinds, limits.blocks, extraction.work)
  if (blocks.length > limits.blocks || lines.isCut) {
    extraction.work.leaveUnread(`more than ${limits.blocks} blocks of encoded data`)
  }
  for (const { kind, from, to, name } of blocks.slice(0, limits.blocks)) {
    const key = `${kind} ${from} ${to}`
    if (known.has(key)) continue
    known.add(key)
    yield* extraction.work.countUnits(BLOCK_COST)
    const data = text.slice(from, to)
    if (kind === 'binhex') yield* giveBinHex(data, extraction)
    else
      yield* (yield* extraction.enter(kind, [name]))
        .at({ declared: declaredAbove(text, from) })
        .decodeInEachWay(codecs[kind], data)
  }
}

/** Gives the forks of a file in BinHex, which all programs decode alike. A run of 255 bytes takes three characters. */
function giveBinHex(data: Bytes, extraction: Extraction): Steps {
  const make: MakeDecoder = (give, buffer) =>
    new BinHexDecoder((bytes, length) => {
      extraction.work.countBytes(length)
      give(bytes, length)
    }, buffer)
  return decoded(data, make, extraction.work, (source) => giveForks(source, extraction))
}

function* giveForks(source: Bytes, extraction: Extraction): Steps {
  const { name, forks } = binHexFile(source)
  for (const fork of forks)
    yield* (yield* extraction.enter('binhex', [name])).at({ declared: 'none' }).emitAndOpen(fork)
}

/** Upper limit for the bytes examined of the line above armour. */
const LABEL_MAX = 128

/** Returns what the line that ends at `to` declares the following armour as. */
function declaredAbove(source: Bytes, to: number): Scope['declared'] {
  const above = source
    .gather(Math.max(0, to - LABEL_MAX), to)
    .toString('latin1')
    .trimEnd()
  const line = above.split(/[\r\n]/).at(-1)!
  const [, label = ''] = /-----begin ([a-z#]+)/i.exec(line) ?? []
  if (/^pgp$/i.test(label)) return 'openpgp'
  return /^(?:pkcs|cms|smime)/i.test(label) ? 'smime' : 'none'
}

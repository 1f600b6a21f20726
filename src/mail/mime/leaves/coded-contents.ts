import type { Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import type { Steps } from '../budget/work.ts'
import { type CodedLines, type CodedRange, findCodedLines } from '../coded/coded-blocks.ts'
import { type CodedKind, codedKinds } from '../coded/coded-data.ts'
import { type BinHexFile, holdsBinHex, openBinHex } from '../containers/binhex.ts'
import { armour, base64UntilEquals } from '../decoders/armour.ts'
import { Base64Decoder } from '../decoders/base64.ts'
import { type Codec, decoded, makerOf } from '../decoders/decoder.ts'
import { QuotedPrintableDecoder } from '../decoders/quoted-printable.ts'
import { WithoutByte, WithoutTails } from '../decoders/text-forms.ts'
import { uuencode } from '../decoders/uuencode.ts'
import { yenc } from '../decoders/yenc.ts'
import { giveFromOpened, UNSAID } from './container-contents.ts'
import { holdsCodedData, holdsNul } from './content-checks.ts'
import type { Decoding } from './decoding.ts'

const withoutTails = makerOf(WithoutTails)
const withoutNuls = makerOf(WithoutByte, 0)

/**
 * How data is decoded that readers recognize by its form. Hardly any program opens data below fields in a text: it is
 * decoded in the common way alone, so that mail that quotes it is cheap.
 */
const codecs: Readonly<Record<CodedKind, Codec>> = {
  uuencode,
  base64: base64UntilEquals,
  yenc,
  armour,
  'mime-base64': () => makerOf(Base64Decoder),
  'mime-quoted-printable': () => makerOf(QuotedPrintableDecoder),
}

/** The cost of a block of encoded data, in addition to its bytes. */
const BLOCK_COST = 2048

/** Gives what is encoded in a text, or in a file, that was decoded. */
export function* giveCodedWithin(text: Bytes, decoding: Decoding, kinds = codedKinds): Steps {
  yield* giveBinHex(text, decoding)
  if (yield* holdsCodedData(text, kinds, decoding))
    yield* decoding.inside((inner) => giveCoded(text, kinds, inner))
}

function* giveCoded(text: Bytes, kinds: ReadonlySet<CodedKind>, decoding: Decoding): Steps {
  yield* giveCodedIn(text, kinds, decoding)
  yield* giveCodedPastNuls(text, kinds, decoding)
}

/** Gives what readers decode from such data if they end lines at a NUL, or skip NULs. */
export function* giveCodedPastNuls(
  text: Bytes,
  kinds: ReadonlySet<CodedKind>,
  decoding: Decoding,
): Steps {
  if (!(yield* holdsNul(text, decoding))) return
  const give = (bytes: Bytes) => giveCodedIn(bytes, kinds, decoding)
  yield* decoded(text, withoutTails, decoding, give)
  yield* decoded(text, withoutNuls, decoding, give)
}

function* giveCodedIn(text: Bytes, kinds: ReadonlySet<CodedKind>, decoding: Decoding): Steps {
  const lines = yield* findCodedLines(text, kinds, decoding)
  yield* giveBlocks({ text, lines, range: { from: 0, to: text.size }, kinds }, decoding)
}

/** A text in which data may be encoded. */
interface CodedText {
  readonly text: Bytes
  /** Its lines at which data begins or ends. */
  readonly lines: CodedLines
  /** Where the data is. */
  readonly range: CodedRange
  readonly kinds: ReadonlySet<CodedKind>
}

/** Gives the blocks of data in a range of a text, except those that `known` has. Adds them to it. */
export function* giveBlocks(
  { text, lines, range, kinds }: CodedText,
  decoding: Decoding,
  known = new Set<string>(),
): Steps {
  const blocks = yield* lines.blocks(range, kinds, limits.blocks, decoding)
  if (blocks.length > limits.blocks || lines.isCut) {
    decoding.leaveUnread(`more than ${limits.blocks} blocks of encoded data`)
  }
  for (const { kind, from, to, name } of blocks.slice(0, limits.blocks)) {
    const key = `${kind} ${from} ${to}`
    if (known.has(key)) continue
    known.add(key)
    yield* decoding.countUnits(BLOCK_COST)
    yield* decoding.giveNamed(kind, [name], (inner) =>
      inner.at(saidAbove(text, from)).giveInEachWay(codecs[kind], text.slice(from, to)),
    )
  }
}

/** Yields the BinHex files in a text, which only some readers know. */
export function* giveBinHex(text: Bytes, decoding: Decoding): Steps {
  if (!(yield* holdsBinHex(text, decoding))) return
  yield* openBinHex(text, decoding, (file) => giveBinHexFile(file, decoding))
}

function* giveBinHexFile({ name, forks }: BinHexFile, decoding: Decoding): Steps {
  for (const fork of forks) {
    yield* decoding.giveNamed('binhex', [name], (inner) => giveFromOpened(fork, inner, UNSAID))
  }
}

/** Upper limit for the bytes examined of the line above armour. */
const LABEL_MAX = 128

/** Returns what the line that ends at `to` declares about the following armour. */
function saidAbove(source: Bytes, to: number) {
  const above = source
    .gather(Math.max(0, to - LABEL_MAX), to)
    .toString('latin1')
    .trimEnd()
  const line = above.split(/[\r\n]/).at(-1)!
  const [, label = ''] = /-----begin ([a-z#]+)/i.exec(line) ?? []
  const isOpenPgp = /^pgp$/i.test(label)
  return { isContainer: isOpenPgp || /^(?:pkcs|cms|smime)/i.test(label), isOpenPgp }
}

import { ArmourDecoder } from '../decoders/armour.ts'
import { AttachDecoder } from '../decoders/attach.ts'
import {
  Base64Decoder,
  type Base64Mode,
  type Base64Oddities,
  isOdd,
  noOddities,
  PATIENT,
  WithoutJunkLines,
} from '../decoders/base64.ts'
import { Base64Blocks } from '../decoders/base64-blocks.ts'
import { BinhexDecoder } from '../decoders/binhex.ts'
import { type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import {
  asNumber,
  othersAsF,
  othersAsZero,
  PATIENT_ESCAPES,
  QuotedPrintableDecoder,
  type QuotedPrintableMode,
  type QuotedPrintableOddities,
} from '../decoders/quoted-printable.ts'
import { QuotedPrintableInLines } from '../decoders/quoted-printable-in-lines.ts'
import { type LineEndMode, LineEnds, WithoutByte } from '../decoders/text-forms.ts'
import {
  otherUuencode,
  STANDARD_UUENCODE,
  UuencodeDecoder,
  type UuencodeMode,
  type UuencodeOddities,
} from '../decoders/uuencode.ts'
import { CutLines, UuencodeAcrossLines } from '../decoders/uuencode-lines.ts'
import { YencDecoder, type YencMode, type YencOddities } from '../decoders/yenc.ts'
import type { CodedKind } from '../structure/coded-data.ts'

/**
 * The ways of decoding a content. If nothing in the content is odd, all readers decode it in the
 * standard way. If something is, the other ways are tried as well.
 */
export interface DecodingPlan {
  /** Makes the decoder of the standard way, once. It notes what is odd in the content. */
  readonly standard: MakeDecoder
  /** Whether the text may hold more than is decoded, once the standard way has ended. */
  readonly isOdd: boolean
  /** Returns the other ways, once the standard way has ended. */
  others(): Iterable<MakeDecoder>
}

/**
 * Plans are classes, since a mail may have a hundred thousand runs. With a generator function for
 * each run they would outgrow the young generation of the garbage collector.
 */
class Base64Plan implements DecodingPlan {
  readonly odd: Base64Oddities = noOddities()
  readonly #isAnnounced: boolean

  constructor(isAnnounced: boolean) {
    this.#isAnnounced = isAnnounced
  }

  readonly standard: MakeDecoder = (give, room) => new Base64Decoder(give, room, PATIENT, this.odd)

  get isOdd(): boolean {
    return isOdd(this.odd)
  }

  *others(): Generator<MakeDecoder> {
    const { odd } = this
    if (!this.isOdd) return
    for (const mode of this.#isAnnounced ? base64Modes(odd) : fewModes(odd)) {
      yield makerOf(Base64Decoder, mode)
    }
    if (this.#isAnnounced && (odd.junk || odd.url || odd.high || odd.lines || odd.blanks)) {
      yield linesOfBase64
    }
  }
}

/** Decodes as readers do that skip all lines with other characters than base64. */
const linesOfBase64: MakeDecoder = (give, room) =>
  new WithoutJunkLines(new Base64Decoder(give, room))

/** Decodes the blocks of base64 in a text up to the first padding. */
export const blocksOfBase64: MakeDecoder = (give, room) =>
  new Base64Blocks(new Base64Decoder(give, room, { ...PATIENT, padding: 'end', tail: 'drop' }))

/** Plans base64. `isAnnounced` says that a header announces it; if not, it only looks like base64. */
export function base64Plan(isAnnounced: boolean): Base64Plan {
  return new Base64Plan(isAnnounced)
}

/** Returns all modes that have one of these choices for each of their keys. */
function combinations<Mode>(choices: { readonly [Key in keyof Mode]: readonly Mode[Key][] }) {
  let found: Partial<Mode>[] = [{}]
  for (const key of Object.keys(choices) as (keyof Mode)[]) {
    found = found.flatMap((mode) => choices[key].map((choice) => ({ ...mode, [key]: choice })))
  }
  return found as Mode[]
}

/** All combinations of what readers do about what is odd, as far as they make a difference. */
function* base64Modes(odd: Base64Oddities): Generator<Base64Mode> {
  const modes = combinations<Base64Mode>({
    high: odd.high ? ['drop', 'mask'] : ['drop'],
    url: odd.url ? [false, true] : [false],
    padding: odd.padding ? PADDINGS : ['skip'],
    junk: JUNKS,
    lines: odd.lines ? [false, true] : [false],
    tail: odd.tail ? TAILS : ['bytes'],
  })
  for (const mode of modes) if (isTried(mode, odd)) yield mode
  if (odd.tail) yield { ...PATIENT, tail: 'more' } // libEtPan, Thunderbird
  if (odd.padding) yield { ...PATIENT, padding: 'group' } // Thunderbird
  if (odd.junk || odd.url || odd.high) yield VMIME
}

/**
 * Whether a mode is tried. Two things are combined with one other at most: what readers do about the
 * end, which changes a byte or two there, and a mask over bytes of eight bits, which few readers use.
 * All their combinations would be more than the limits allow.
 */
function isTried(mode: Base64Mode, odd: Base64Oddities): boolean {
  const { high, url, junk, lines, tail } = mode
  const hasJunk = odd.junk || (odd.high && high === 'drop') || (odd.url && !url)
  if (junk !== 'skip' && !hasJunk) return false
  if (lines && tail !== 'bytes') return false
  const differences = differencesOf(mode)
  const isFree = tail === 'bytes' && high === 'drop'
  return differences > 0 && (isFree || differences <= 2)
}

const VMIME: Base64Mode = { ...PATIENT, padding: 'end', junk: 'ones', tail: 'drop' }
const TAILS = ['bytes', 'drop'] as const
const PADDINGS = ['skip', 'restart', 'zero', 'end'] as const
const JUNKS = ['skip', 'restart', 'end'] as const

/** Returns the number of things in which a mode differs from the standard one. */
function differencesOf(mode: Base64Mode): number {
  const keys = Object.keys(PATIENT) as (keyof Base64Mode)[]
  return keys.filter((key) => mode[key] !== PATIENT[key]).length
}

/** The modes for data that only looks like base64, so it has no characters outside of base64. */
function* fewModes(odd: Base64Oddities): Generator<Base64Mode> {
  if (odd.padding) {
    yield { ...PATIENT, padding: 'restart' }
    yield { ...PATIENT, padding: 'end', tail: 'drop' }
  }
  if (odd.lines) yield { ...PATIENT, padding: 'restart', lines: true }
}

class QuotedPrintablePlan implements DecodingPlan {
  readonly isOdd = true
  readonly odd: QuotedPrintableOddities = {
    strange: false,
    blanks: false,
    brokenBreak: false,
    encoded: false,
    bareCr: false,
    nul: false,
  }

  readonly standard: MakeDecoder = (give, room) =>
    new QuotedPrintableDecoder(give, room, PATIENT_ESCAPES, this.odd);

  *others(): Generator<MakeDecoder> {
    const { blanks, strange, bareCr, nul } = this.odd
    if (blanks) yield escapesBy({ ...PATIENT_ESCAPES, trims: true })
    if (blanks || strange) {
      for (const strange of ALSO_OF_BLANKS) yield escapesWith(strange)
      yield makerOf(QuotedPrintableInLines)
    }
    if (strange) {
      for (const strange of OF_OTHERS) yield escapesWith(strange)
      yield escapesBehind(softBreaks)
    }
    if (bareCr) for (const mode of BARE_CRS) yield escapesBehind(makerOf(LineEnds, mode))
    if (nul) yield escapesBehind(makerOf(WithoutByte, 0))
  }
}

/** What these readers make of a strange escape also applies to a soft line break with blanks in it. */
const ALSO_OF_BLANKS = [othersAsF, othersAsZero, 'keep three'] as const
const OF_OTHERS = [
  asNumber,
  'keep two',
  'drop',
  'drop digit',
  'drop line',
  'drop pair',
  'halve pair',
] as const
const BARE_CRS: readonly LineEndMode[] = [
  { to: 'same', bareCr: 'nothing' },
  { to: 'lf', bareCr: 'line end' },
  { to: 'crlf', bareCr: 'line end' },
  { to: 'lf', bareCr: 'line end with the next' },
]

function escapesWith(strange: QuotedPrintableMode['strange']): MakeDecoder {
  return escapesBy({ ...PATIENT_ESCAPES, strange })
}

function escapesBy(mode: QuotedPrintableMode): MakeDecoder {
  return makerOf(QuotedPrintableDecoder, mode)
}

/** Plans quoted-printable. If nothing was odd or encoded, the text stands as it is. */
export function quotedPrintablePlan(): QuotedPrintablePlan {
  return new QuotedPrintablePlan()
}

/**
 * Removes soft line breaks first, and then decodes escapes, so that an escape is found even if a
 * soft line break stands in it.
 */
const softBreaks = escapesBy({ ...PATIENT_ESCAPES, escapes: false })

/** Decodes escapes in what another decoder makes of the text. */
function escapesBehind(makeFirst: MakeDecoder): MakeDecoder {
  return inTwo(makeFirst, escapesBy(PATIENT_ESCAPES))
}

/** Decodes the content with a decoder, and its result with another one. */
function inTwo(makeFirst: MakeDecoder, makeSecond: MakeDecoder): MakeDecoder {
  return (give, room) => {
    const second = makeSecond(give, room)
    const first = makeFirst(
      (bytes, length) => second.push(bytes, 0, length),
      Buffer.allocUnsafeSlow(room.length),
    )
    return {
      push: (bytes, from, to) => first.push(bytes, from, to),
      end() {
        first.end()
        second.end()
      },
    }
  }
}

class UuencodePlan implements DecodingPlan {
  readonly #odd: UuencodeOddities = { lines: false, end: false }

  readonly standard: MakeDecoder = (give, room) =>
    new UuencodeDecoder(give, room, STANDARD_UUENCODE, this.#odd)

  get isOdd(): boolean {
    return this.#odd.lines || this.#odd.end
  }

  *others(): Generator<MakeDecoder> {
    if (!this.isOdd) return
    for (const mode of otherUuencode) {
      const { lines, alphabet } = STANDARD_UUENCODE
      if (this.#odd.lines || (mode.lines === lines && mode.alphabet === alphabet)) {
        yield makerOf(UuencodeDecoder, mode)
      }
    }
    if (!this.#odd.lines) return
    yield makerOf(UuencodeAcrossLines)
    yield inCutLines('records')
    yield inCutLines('pieces')
  }
}

function inCutLines(by: 'records' | 'pieces'): MakeDecoder {
  return inTwo(makerOf(CutLines, by), makerOf(UuencodeDecoder, ANY_LINES))
}

const ANY_LINES: UuencodeMode = { ...STANDARD_UUENCODE, lines: 'any' }

export function uuencodePlan(): DecodingPlan {
  return new UuencodePlan()
}

class YencPlan implements DecodingPlan {
  readonly isOdd = true
  readonly #odd: YencOddities = { controls: false, capitals: false, parts: false }

  readonly standard: MakeDecoder = (give, room) =>
    new YencDecoder(give, room, { controls: 'data', anyCase: true, joins: false }, this.#odd);

  *others(): Generator<MakeDecoder> {
    const { controls, capitals, parts } = this.#odd
    const modes = combinations<YencMode>({
      controls: controls ? ['data', 'skip'] : ['data'],
      anyCase: capitals ? [true, false] : [true],
      joins: parts ? [false, true] : [false],
    })
    // The first is the standard way.
    for (const mode of modes.slice(1)) yield makerOf(YencDecoder, mode)
  }
}

/** Plans an encoding of which all ways are tried, whatever occurs in it. */
function inAllWays(standard: MakeDecoder, ...others: readonly MakeDecoder[]): DecodingPlan {
  return { standard, isOdd: true, others: () => others }
}

const armourPlan = () => inAllWays(makerOf(ArmourDecoder, true), makerOf(ArmourDecoder, false))

/** The ways of decoding data that readers know by its looks. */
export const codedPlans: Readonly<Record<CodedKind, () => DecodingPlan>> = {
  uuencode: () => new UuencodePlan(),
  yenc: () => new YencPlan(),
  binhex: () =>
    inAllWays(
      makerOf(BinhexDecoder, 'lines', 'data'),
      makerOf(BinhexDecoder, 'characters', 'data'),
      makerOf(BinhexDecoder, 'lines', 'resource'),
    ),
  attach: () => inAllWays(makerOf(AttachDecoder)),
  armour: armourPlan,
  'armour behind blanks': armourPlan,
}

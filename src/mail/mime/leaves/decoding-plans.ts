import { ArmourDecoder } from '../decoders/armour.ts'
import { Base64Decoder, type Base64Mode, Base64Oddities, PATIENT } from '../decoders/base64.ts'
import { type MakeDecoder, makerOf } from '../decoders/decoder.ts'
import {
  asNumber,
  othersAsZero,
  PATIENT_ESCAPES,
  QuotedPrintableDecoder,
  QuotedPrintableInLines,
  type QuotedPrintableMode,
  QuotedPrintableOddities,
} from '../decoders/quoted-printable.ts'
import { type LineEndMode, LineEnds, WithoutByte } from '../decoders/text-forms.ts'
import {
  CutLines,
  otherUuencode,
  STANDARD_UUENCODE,
  UuencodeAcrossLines,
  UuencodeDecoder,
  type UuencodeMode,
  type UuencodeOddities,
} from '../decoders/uuencode.ts'
import { YencDecoder, type YencOddities } from '../decoders/yenc.ts'
import type { CodedKind } from '../structure/coded-data.ts'

/**
 * The ways of decoding a content. If nothing in the content is odd, all readers decode it in the
 * standard way. If something is, the other ways are tried as well.
 */
export interface DecodingPlan {
  /** Makes the decoder of the standard way, once. It notes what is odd in the content. */
  readonly standard: MakeDecoder
  /** Returns the other ways, once the standard way has ended. */
  others(): Iterable<MakeDecoder>
}

/**
 * Plans are classes, since a mail may have a hundred thousand runs. With a generator function for
 * each run they would outgrow the young generation of the garbage collector.
 */
class Base64Plan implements DecodingPlan {
  readonly odd = new Base64Oddities()

  readonly standard: MakeDecoder = (give, room) => new Base64Decoder(give, room, PATIENT, this.odd)

  isOdd(): boolean {
    return this.odd.isOdd()
  }

  *others(): Generator<MakeDecoder> {
    if (!this.isOdd()) return
    for (const mode of base64Modes(this.odd)) yield makerOf(Base64Decoder, mode)
  }
}

export function base64Plan(): Base64Plan {
  return new Base64Plan()
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
    high: odd.high ? ['drop', 'mask'] : ['drop'], // mailparser masks
    url: odd.url ? [false, true] : [false], // mutt, mailparser
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

/** VMime takes any other character for one whose bits are all set. */
const VMIME: Base64Mode = { ...PATIENT, padding: 'end', junk: 'ones', tail: 'drop' }
/** A last group that is not whole is dropped by GMime, mutt, Camel, Go, mime4j and VMime. */
const TAILS = ['bytes', 'drop'] as const
/** Behind padding Gnus, JavaMail, Camel and Thunderbird begin anew, and Python, mailparser and Ruby end. */
const PADDINGS = ['skip', 'restart', 'zero', 'end'] as const
const JUNKS = ['skip', 'restart', 'end'] as const

/** Returns the number of things in which a mode differs from the standard one. */
function differencesOf(mode: Base64Mode): number {
  const keys = Object.keys(PATIENT) as (keyof Base64Mode)[]
  return keys.filter((key) => mode[key] !== PATIENT[key]).length
}

class QuotedPrintablePlan implements DecodingPlan {
  readonly odd = new QuotedPrintableOddities()

  readonly standard: MakeDecoder = (give, room) =>
    new QuotedPrintableDecoder(give, room, PATIENT_ESCAPES, this.odd)

  /** Whether readers decode it in different ways. Blanks at the end of a line are no matter in text. */
  isOdd(isText: boolean): boolean {
    const { blanks, brokenBreak, strange, bareCr, nul, high } = this.odd
    return strange || brokenBreak || bareCr || nul || high || (blanks && !isText)
  }

  *others(): Generator<MakeDecoder> {
    const { blanks, strange, bareCr, nul } = this.odd
    if (blanks) yield escapesBy({ ...PATIENT_ESCAPES, trims: true })
    if (blanks || strange) {
      for (const strange of ALSO_OF_BLANKS) yield escapesWith(strange)
      yield makerOf(QuotedPrintableInLines) // Thunderbird
    }
    if (strange) {
      for (const strange of OF_OTHERS) yield escapesWith(strange)
      yield escapesBehind(softBreaks) // mailparser
    }
    if (bareCr) for (const mode of BARE_CRS) yield escapesBehind(makerOf(LineEnds, mode))
    if (nul) yield escapesBehind(makerOf(WithoutByte, 0)) // Thunderbird
  }
}

/** What these readers make of a strange escape also applies to a soft line break with blanks in it. */
const ALSO_OF_BLANKS = [
  othersAsZero, // libEtPan, VMime
  'keep three', // GMime, Camel, Ruby, PHP
] as const
const OF_OTHERS = [
  asNumber, // GNU mailutils
  'keep two', // c-client
  'drop', // mailparser, nmh, Go, mime4j
  'halve pair', // Python, mime4j
] as const
const BARE_CRS: readonly LineEndMode[] = [
  { to: 'same', bareCr: 'nothing' },
  { to: 'lf', bareCr: 'line end' }, // Ruby, libEtPan, Thunderbird
  { to: 'lf', bareCr: 'line end with the next' }, // GNU mailutils
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
    new UuencodeDecoder(give, room, STANDARD_UUENCODE, this.#odd);

  *others(): Generator<MakeDecoder> {
    if (!this.#odd.lines && !this.#odd.end) return
    for (const mode of otherUuencode) {
      const isStandard = mode.lines === STANDARD_UUENCODE.lines
      if (this.#odd.lines || isStandard) yield makerOf(UuencodeDecoder, mode)
    }
    if (!this.#odd.lines) return
    yield makerOf(UuencodeAcrossLines) // KMime
    yield inCutLines('records') // GMime, Camel
    yield inCutLines('pieces') // mutt, Gnus, PHP, Thunderbird
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
  readonly #odd: YencOddities = { controls: false }

  readonly standard: MakeDecoder = (give, room) => new YencDecoder(give, room, 'data', this.#odd);

  *others(): Generator<MakeDecoder> {
    if (this.#odd.controls) yield makerOf(YencDecoder, 'skip') // Thunderbird
  }
}

/** Plans an encoding of which all ways are tried, whatever occurs in it. */
function inAllWays(standard: MakeDecoder, ...others: readonly MakeDecoder[]): DecodingPlan {
  return { standard, others: () => others }
}

const armourPlan = () => inAllWays(makerOf(ArmourDecoder, true), makerOf(ArmourDecoder, false))

/** The ways of decoding data that readers know by its looks. */
export const codedPlans: Readonly<Record<CodedKind, () => DecodingPlan>> = {
  uuencode: () => new UuencodePlan(),
  yenc: () => new YencPlan(),
  armour: armourPlan,
  'armour behind blanks': armourPlan,
}

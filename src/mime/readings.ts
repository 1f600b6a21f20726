import {
  Base64Decoder,
  type Base64Mode,
  type Base64Oddities,
  isOdd,
  noOddities,
  PATIENT,
  WithoutJunkLines,
} from './decoders/base64.ts'
import type { Decoder, Give } from './decoders/decoder.ts'
import {
  PATIENT_ESCAPES,
  QuotedPrintableDecoder,
  type QuotedPrintableMode,
  type QuotedPrintableOddities,
} from './decoders/quoted-printable.ts'
import {
  otherUuencode,
  STANDARD_UUENCODE,
  UuencodeDecoder,
  type UuencodeOddities,
} from './decoders/uuencode.ts'

/** Makes a decoder that gives what it has decoded, in a room that nobody else uses meanwhile. */
export type MakeDecoder = (give: Give, room: Buffer) => Decoder

/**
 * One way of decoding that all readers share where nothing is odd, and those that must be tried
 * besides where something was.
 */
export interface DecodingPlan {
  /** To be asked once: what was odd is known when its decoder has ended. */
  readonly standard: MakeDecoder
  /** Valid once the standard one has ended. */
  others(): Iterable<MakeDecoder>
}

/** Classes: a mail may have a hundred thousand runs, and a generator function for each is past the nursery. */
class Base64Plan implements DecodingPlan {
  readonly odd: Base64Oddities = noOddities()
  readonly #isSaid: boolean

  constructor(isSaid: boolean) {
    this.#isSaid = isSaid
  }

  readonly standard: MakeDecoder = (give, room) => new Base64Decoder(give, room, PATIENT, this.odd);

  *others(): Generator<MakeDecoder> {
    const { odd } = this
    if (!isOdd(odd)) return
    for (const mode of this.#isSaid ? base64Modes(odd) : fewModes(odd)) {
      yield (give, room) => new Base64Decoder(give, room, mode)
    }
    if (this.#isSaid && (odd.junk || odd.url || odd.high || odd.lines)) {
      yield linesOfBase64
    }
  }
}

/** Lines of nothing but base64, for who leaves all others out. */
export const linesOfBase64: MakeDecoder = (give, room) =>
  new WithoutJunkLines(new Base64Decoder(give, room))

/** `isSaid`: a header says that it is base64; else it only looks like it. */
export function base64Plan(isSaid: boolean): Base64Plan {
  return new Base64Plan(isSaid)
}

/** All combinations of what readers do about what is odd. */
function* base64Modes(odd: Base64Oddities): Generator<Base64Mode> {
  for (const high of odd.high ? (['drop', 'mask'] as const) : (['drop'] as const)) {
    for (const url of odd.url ? [false, true] : [false]) {
      for (const padding of odd.padding ? PADDINGS : (['skip'] as const)) {
        for (const junk of odd.junk || (odd.high && high === 'drop') || (odd.url && !url)
          ? JUNKS
          : (['skip'] as const)) {
          for (const lines of odd.lines ? [false, true] : [false]) {
            const mode: Base64Mode = { high, url, padding, junk, lines }
            if (!isPatient(mode)) yield mode
          }
        }
      }
    }
  }
}

const PADDINGS = ['skip', 'restart', 'zero', 'end'] as const
const JUNKS = ['skip', 'restart', 'end'] as const

function isPatient(mode: Base64Mode): boolean {
  return (Object.keys(PATIENT) as (keyof Base64Mode)[]).every((key) => mode[key] === PATIENT[key])
}

/** Of what only looks like base64 no byte is outside of the alphabet. */
function* fewModes(odd: Base64Oddities): Generator<Base64Mode> {
  if (odd.padding) {
    yield { ...PATIENT, padding: 'restart' }
    yield { ...PATIENT, padding: 'end' }
  }
  if (odd.lines) yield { ...PATIENT, padding: 'restart', lines: true }
}

class QuotedPrintablePlan implements DecodingPlan {
  readonly odd: QuotedPrintableOddities = { strange: false, blanks: false, encoded: false }

  readonly standard: MakeDecoder = (give, room) =>
    new QuotedPrintableDecoder(give, room, PATIENT_ESCAPES, this.odd);

  *others(): Generator<MakeDecoder> {
    if (this.odd.blanks) yield escapesBy({ ...PATIENT_ESCAPES, trims: true })
    if (this.odd.blanks || this.odd.strange) {
      yield escapesBy({ ...PATIENT_ESCAPES, strange: 'any digits' })
    }
    if (!this.odd.strange) return
    for (const strange of ['drop', 'drop digit', 'drop line', 'drop pair'] as const) {
      yield escapesBy({ ...PATIENT_ESCAPES, strange })
    }
    yield inTwoSteps
  }
}

function escapesBy(mode: QuotedPrintableMode): MakeDecoder {
  return (give, room) => new QuotedPrintableDecoder(give, room, mode)
}

/** What was not odd, and was not encoded, is the text as it stands. */
export function quotedPrintablePlan(): QuotedPrintablePlan {
  return new QuotedPrintablePlan()
}

/** First soft line breaks, then escapes: those that the breaks stood in are whole by then. */
const inTwoSteps: MakeDecoder = (give, room) => {
  const second = new QuotedPrintableDecoder(give, room)
  const first = new QuotedPrintableDecoder(
    (bytes, length) => second.push(bytes, 0, length),
    Buffer.allocUnsafeSlow(room.length),
    { ...PATIENT_ESCAPES, escapes: false },
  )
  return {
    push: (bytes, from, to) => first.push(bytes, from, to),
    end() {
      first.end()
      second.end()
    },
  }
}

class UuencodePlan implements DecodingPlan {
  readonly #odd: UuencodeOddities = { lines: false, end: false }

  readonly standard: MakeDecoder = (give, room) =>
    new UuencodeDecoder(give, room, STANDARD_UUENCODE, this.#odd);

  *others(): Generator<MakeDecoder> {
    if (!this.#odd.lines && !this.#odd.end) return
    for (const mode of otherUuencode) {
      if (this.#odd.lines || mode.lines === STANDARD_UUENCODE.lines) {
        yield (give, room) => new UuencodeDecoder(give, room, mode)
      }
    }
  }
}

export function uuencodePlan(): DecodingPlan {
  return new UuencodePlan()
}

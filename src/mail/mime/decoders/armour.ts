import { COLON, CR, DASH, EQUALS, LF, SPACE } from '../../../lib/bytes/ascii.ts'
import type { Habits } from '../habits/habits.ts'
import { Base64Decoder } from './base64.ts'
import { type Codec, type Decoder, makerOf, WholeLines, type Write } from './decoder.ts'

/** The beginning of the line that ends armour. With any text before it, GnuPG takes the line for data. */
const ARMOUR_END = '-----END'

/**
 * Decodes the armour of OpenPGP (RFC 9580 6.2) or PEM (RFC 7468), from after its first line, like GnuPG: all
 * characters outside base64 are ignored. A `=` at the start of a line begins the checksum.
 */
class ArmourDecoder implements Decoder {
  readonly #inner: Base64Decoder
  readonly #habits: Habits
  readonly #lines = new WholeLines((bytes, from, to, startsLine) =>
    this.#line(bytes, from, to, startsLine),
  )
  #state: 'fields' | 'data' | 'over'

  /** Without fields, all lines are data. */
  constructor(write: Write, buffer: Buffer, habits: Habits, hasFields: boolean) {
    this.#inner = new Base64Decoder(write, buffer)
    this.#habits = habits
    this.#state = hasFields ? 'fields' : 'data'
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#lines.push(bytes, from, to)
  }

  end(): void {
    this.#lines.end()
    this.#inner.end()
  }

  #line(bytes: Buffer, from: number, to: number, startsLine: boolean): void {
    if (startsLine) this.#beginLine(bytes, from, to)
    if (this.#state === 'data') this.#inner.push(bytes, from, to)
  }

  #beginLine(bytes: Buffer, from: number, to: number): void {
    if (this.#state === 'over') return
    const isField = this.#state === 'fields' && looksLikeField(bytes, from, to)
    if (isField && this.#habits.does('armour field') === 'is skipped') return
    this.#state = endsArmour(bytes, from, to) ? 'over' : 'data'
  }
}

/** Returns whether a line, given with its end, begins the checksum or ends the armour. */
function endsArmour(bytes: Buffer, from: number, to: number): boolean {
  if (bytes[from] === EQUALS) return true
  return (
    bytes[from] === DASH &&
    bytes.toString('latin1', from, Math.min(to, from + ARMOUR_END.length)) === ARMOUR_END
  )
}

/** Upper limit for the bytes of a line that are examined for the name of a field. */
const FIELD_MAX = 1024

/**
 * Returns whether a line contains a colon, and the first one is followed by nothing, a blank or the end of
 * the line.
 */
function looksLikeField(bytes: Buffer, from: number, to: number): boolean {
  const end = Math.min(to, from + FIELD_MAX)
  let at = from
  while (at < end && bytes[at] !== COLON) at++
  const behind = at + 1
  if (behind >= end) return behind === end
  return bytes[behind] === SPACE || bytes[behind] === CR || bytes[behind] === LF
}

/** Base64 up to a line that begins with a `=`, as uuencode(1) writes it. */
export const base64UntilEquals: Codec = (habits) => makerOf(ArmourDecoder, habits, false)

/** Armour, in each way in which some program decodes it. */
export const armour: Codec = (habits) => makerOf(ArmourDecoder, habits, true)

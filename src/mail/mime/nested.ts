import type { Bytes } from '../message/bytes.ts'
import { Base64Decoder } from './decoders/base64.ts'
import { decoded, type MakeDecoder, makerOf } from './decoders/decoder.ts'
import { QuotedPrintableDecoder } from './decoders/quoted-printable.ts'
import { plainName } from './headers/fields.ts'
import type { PartHeader } from './headers/part-header.ts'
import { beginsAsMail, MAIL_START } from './leaves/content-checks.ts'

import { LimitExceeded } from './shared/limits.ts'
import { type KnownHeader, LINES_PIECE, type Steps, Work, type WorkOptions } from './shared/work.ts'
import { aroundMail, type Depth } from './structure/nesting.ts'
import type { Leaf } from './structure/open-contents.ts'
import { MailReading } from './structure/reading.ts'

/** The most mails inside one another that are read at a time. Beyond that, mail is too deep. */
const READINGS_MAX = 50

/** The encoded bytes that are enough to tell how the decoded content begins. */
const ENCODED_START = 3 * MAIL_START

/**
 * Returns whether more than `limit` messages are nested in one another, or more than `limit`
 * multiparts in one message, encoded ones included (nesting.ts). Reads the message only as far as
 * needed: of a mail without parts, the header and the start of encoded content. The steps are turns
 * of the event loop; the last step is `over` if a limit was exceeded before the answer was known.
 */
export function* isNestedDeeper(
  message: Bytes,
  limit: number,
  options: WorkOptions,
): Steps<boolean> {
  const search = new DepthSearch(limit, new Work(message, options))
  try {
    yield* search.read(message, aroundMail(), { known: options.header })
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    if (!search.isDeeper) yield { kind: 'over', why: error.message }
  }
  return search.isDeeper
}

/** The search for the depth of a message, in all mails in one another. */
export class DepthSearch {
  readonly #limit: number
  readonly #work: Work
  /** The number of mails that are being read now. */
  #readings = 0
  /** Whether the message is too deep, so that nothing more has to be read. */
  isDeeper = false

  constructor(limit: number, work: Work) {
    this.#limit = limit
    this.#work = work
  }

  /** Notes how deep a reading of the message has found it. */
  note({ deepest }: MailReading): void {
    if (deepest > this.#limit) this.isDeeper = true
  }

  /**
   * Reads a mail. `header` is its header, if that stands outside of the encoded bytes; `known`, if it
   * was found in them.
   */
  *read(
    source: Bytes,
    around: Depth,
    { header, known }: { readonly header?: Buffer; readonly known?: KnownHeader | undefined } = {},
  ): Steps {
    if (++this.#readings > READINGS_MAX) this.isDeeper = true
    let leaves: Leaf[] = []
    const reading = new MailReading({ leaf: (leaf) => leaves.push(leaf) }, { around })
    const shift = header?.length ?? 0
    if (header) reading.push(header)
    if (known) reading.takeHeader(known)
    let steps = reading.steps
    yield* this.#work.countUnits(steps)
    let isSettled = false
    for (const chunk of source.chunks()) {
      for (let at = 0; at < chunk.length && !isSettled; at += LINES_PIECE) {
        reading.push(chunk.subarray(at, at + LINES_PIECE))
        yield* this.#work.countUnits(reading.steps - steps)
        steps = reading.steps
        this.note(reading)
        const ready = leaves
        leaves = []
        for (const leaf of ready) yield* this.readEncoded(leaf, source, shift)
        isSettled = this.isDeeper || reading.isSettled
      }
      if (isSettled) break
    }
    reading.end()
    yield* this.#work.countUnits(reading.steps - steps)
    this.note(reading)
    for (const leaf of leaves) {
      // If reading stopped early, the last content may reach to the end of the source.
      const whole = isSettled ? { ...leaf, to: source.size + shift } : leaf
      yield* this.readEncoded(whole, source, shift)
    }
    this.#readings--
  }

  /**
   * Reads a leaf of a mail if a mail may be encoded in it. The mail's own bytes in `source` are
   * preceded by a header of `shift` bytes; a leaf that begins there was found in the mail around it.
   */
  *readEncoded({ from, to, header, depth }: Leaf, source: Bytes, shift = 0): Steps {
    if (this.isDeeper || depth === undefined || from < shift) return
    const isOpened = header.multipart !== 'no' || header.message !== 'no'
    const part = source.slice(from - shift, to - shift)
    for (const encoding of header.encodings) {
      const make = decoderOf(encoding)
      if (make === undefined || part.size === 0) continue
      if (!isOpened && !(yield* beginsMail(part, make, this.#work))) continue
      yield* decoded(part, make, this.#work, (source) =>
        isOpened
          ? this.read(source, depth, { header: withoutEncoding(header) })
          : this.read(source, aroundMail(depth.messages + 1)),
      )
    }
  }
}

function decoderOf(encoding: PartHeader['encodings'][number]): MakeDecoder | undefined {
  if (encoding === 'quoted-printable') return makerOf(QuotedPrintableDecoder)
  return encoding === 'base64' ? makerOf(Base64Decoder, { padding: 'restart' }) : undefined
}

function* beginsMail(part: Bytes, make: MakeDecoder, work: Work): Steps<boolean> {
  const start = part.slice(0, Math.min(part.size, ENCODED_START))
  return yield* decoded(start, make, work, (text) => isMailText(text, work))
}

function* isMailText(text: Bytes, work: Work): Steps<boolean> {
  yield* work.countUnits(MAIL_START)
  return beginsAsMail(text)
}

function withoutEncoding({ fields }: PartHeader): Buffer {
  const kept = fields.filter(({ name }) => !plainName(name).includes('transfer-encoding'))
  const lines = kept.map(({ name, value }) => `${name}:${value.trimEnd()}\n`)
  return Buffer.from(`${lines.join('')}\n`, 'latin1')
}

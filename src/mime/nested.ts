import { beginsAsMail, MAIL_START } from './content-checks.ts'
import {
  type ContentStep,
  countWork,
  newWork,
  PIECE,
  type Work,
  type WorkOptions,
} from './contents-state.ts'
import { Base64Decoder, PATIENT } from './decoders/base64.ts'
import { decodeToStore, sourceIn } from './decoding.ts'
import { type MakeDecoder, quotedPrintablePlan } from './decoding-plans.ts'
import { plainName } from './fields.ts'
import { LimitExceeded } from './limits.ts'
import type { ByteListener } from './listeners.ts'
import { aroundMail, type Depth } from './nesting.ts'
import type { Leaf } from './open-contents.ts'
import type { PartHeader } from './part-header.ts'
import { MailReading } from './reading.ts'
import { partOf, type Source } from './source.ts'

/** The most mails inside one another that are read at a time. Beyond that, mail is too deep. */
const READINGS_MAX = 50

/** The encoded bytes that are enough to tell how the decoded content begins. */
const ENCODED_START = 3 * MAIL_START

/**
 * Returns whether more than `limit` messages are nested in one another, or more than `limit`
 * multiparts in one message, encoded ones included (nesting.ts). Reads the message only as far as
 * needed: of a mail without parts, the header and the start of encoded content. If a listener of
 * bytes is given, reads all of the message. The steps are turns of the event loop; the last step is
 * `over` if a limit was exceeded before the answer was known.
 */
export function* isNestedDeeper(
  message: Source,
  limit: number,
  { bytes, ...options }: WorkOptions & { readonly bytes?: ByteListener | undefined },
): Generator<ContentStep, boolean> {
  const search = { limit, readings: 0, isDeeper: false }
  try {
    const mail = { source: message, around: aroundMail(), bytes }
    yield* read(mail, search, newWork(message, options))
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    bytes?.over()
    if (!search.isDeeper) yield { kind: 'over', why: error.message }
  }
  return search.isDeeper
}

/** The state of the search, for all mails in one another. */
interface DepthSearch {
  readonly limit: number
  /** The number of mails that are being read now. */
  readings: number
  /** Whether the message is too deep, so that nothing more has to be read. */
  isDeeper: boolean
}

interface NestedMail {
  readonly source: Source
  readonly around: Depth
  /** The mail's header, if it stands outside of the encoded bytes. */
  readonly header?: Buffer
  /** A listener that gets all bytes of the mail. */
  readonly bytes?: ByteListener | undefined
}

function* read(
  { source, around, header, bytes }: NestedMail,
  search: DepthSearch,
  work: Work,
): Generator<ContentStep> {
  if (++search.readings > READINGS_MAX) search.isDeeper = true
  let encoded: Leaf[] = []
  const reading = new MailReading(
    {
      leaf(found) {
        if (found.depth && mayHoldMail(found.header)) encoded.push(found)
      },
      bytes,
    },
    around,
  )
  if (header) reading.push(header)
  const shift = header?.length ?? 0
  let steps = 0
  let isSettled = false
  for (const chunk of source.chunks()) {
    for (let at = 0; at < chunk.length && (bytes || !isSettled); at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE)
      if (!isSettled) reading.push(piece)
      else if (!goesOn(reading, piece, bytes)) bytes = undefined
      yield* countWork(work, reading.steps - steps)
      steps = reading.steps
      if (reading.deepest > search.limit) search.isDeeper = true
      const ready = encoded
      encoded = []
      for (const leaf of ready) yield* readEncoded(leaf, source, shift, search, work)
      isSettled ||= search.isDeeper || reading.isSettled
    }
    if (isSettled && !bytes) break
  }
  reading.end()
  if (reading.deepest > search.limit) search.isDeeper = true
  for (const leaf of encoded) {
    // If reading stopped early, the last content may reach to the end of the source.
    const whole = isSettled ? { ...leaf, to: source.size + shift } : leaf
    yield* readEncoded(whole, source, shift, search, work)
  }
  search.readings--
}

/**
 * Reads on for the listener of bytes alone, since the depth is known already. Returns whether the
 * mail is within the limits.
 */
function goesOn(reading: MailReading, piece: Buffer, bytes: ByteListener | undefined): boolean {
  try {
    reading.push(piece)
    return true
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    bytes?.over()
    reading.stop()
    return false
  }
}

function mayHoldMail({ encodings }: PartHeader): boolean {
  return encodings.includes('base64') || encodings.includes('quoted-printable')
}

function* readEncoded(
  { from, to, header, depth }: Leaf,
  source: Source,
  shift: number,
  search: DepthSearch,
  work: Work,
): Generator<ContentStep> {
  if (search.isDeeper) return
  const isOpened = header.multipart !== 'no' || header.message !== 'no'
  const part = partOf(source, Math.max(0, from - shift), Math.max(0, to - shift))
  for (const encoding of header.encodings) {
    const make = decoderOf(encoding)
    if (make === undefined || part.size === 0) continue
    if (!isOpened && !(yield* beginsMail(part, make, work))) continue
    const store = yield* decodeToStore(part, make, work)
    try {
      const mail: NestedMail = isOpened
        ? { source: sourceIn(store), around: depth!, header: withoutEncoding(header) }
        : { source: sourceIn(store), around: aroundMail(depth!.messages + 1) }
      yield* read(mail, search, work)
    } finally {
      store.close()
    }
  }
}

function decoderOf(encoding: PartHeader['encodings'][number]): MakeDecoder | undefined {
  if (encoding === 'quoted-printable') return quotedPrintablePlan().standard
  if (encoding !== 'base64') return undefined
  return (give, room) => new Base64Decoder(give, room, { ...PATIENT, padding: 'restart' })
}

function* beginsMail(part: Source, make: MakeDecoder, work: Work): Generator<ContentStep, boolean> {
  const start = partOf(part, 0, Math.min(part.size, ENCODED_START))
  const store = yield* decodeToStore(start, make, work)
  try {
    return beginsAsMail(Buffer.concat([...store.chunks()].map((chunk) => Buffer.from(chunk))))
  } finally {
    store.close()
  }
}

function withoutEncoding({ fields }: PartHeader): Buffer {
  const kept = fields.filter(({ name }) => !plainName(name).includes('transfer-encoding'))
  const lines = kept.map(({ name, value }) => `${name}:${value.trimEnd()}\n`)
  return Buffer.from(`${lines.join('')}\n`, 'latin1')
}

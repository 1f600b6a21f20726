import { CR } from '../../../base/bytes/ascii.ts'
import type { Crypto } from '../../../base/runtime/crypto.ts'
import { whyBound } from '../../../mail/message/content-fields.ts'
import type { FieldSpan, Header } from '../../../mail/message/header-block.ts'
import { type Claims, isStampName, RELEASED } from './stamp.ts'

/**
 * The bound fields of a header as stamps hash them. Each field is hashed unchanged, from the first byte of
 * its name through its line end, except that CRLF becomes LF. Blanks stay, because every blank in a quoted
 * boundary is significant.
 *
 * The stamp of a release binds only the fields that may describe content. Mail servers complete, rewrite, drop or add the
 * others in mail that a program of their host submits. A person has judged the message, and the stamp names its recipients.
 */
export class BoundFields {
  /** In latin1. */
  readonly #text: string
  /** For each field of the header, the offset of the first bound field from it on. */
  readonly #starts: readonly number[]
  /** The digests of stamps that bind the same fields are one. */
  readonly #digests = new Map<number, string>()

  constructor(header: Header, bindsRelease = false) {
    const isHashed = bindsRelease
      ? (field: FieldSpan) => isBound(field.key) && whyBound(header, field) !== undefined
      : ({ key }: FieldSpan) => isBound(key)
    const hasCr = header.bytes.includes(CR)
    const starts: number[] = []
    let text = ''
    for (const field of header.fields) {
      starts.push(text.length)
      if (!isHashed(field)) continue
      const lines = header.textOf(field)
      text += hasCr ? lines.replaceAll('\r\n', '\n') : lines
    }
    this.#starts = starts
    this.#text = text
  }

  /** Bytes of the bound fields from this index on. */
  lengthFrom(field: number): number {
    return this.#text.length - this.#startOf(field)
  }

  /** Computes the SHA-256, in hex, of the bound fields from this index on. */
  digestFrom(crypto: Crypto, field: number): string {
    const start = this.#startOf(field)
    let digest = this.#digests.get(start)
    if (digest === undefined) {
      digest = crypto.createHash('sha256').update(this.#text.slice(start), 'latin1').digest('hex')
      this.#digests.set(start, digest)
    }
    return digest
  }

  #startOf(field: number): number {
    return this.#starts[field] ?? this.#text.length
  }
}

/** Returns whether a stamp with these claims is that of a release, whatever its key may do. */
export function isOfRelease({ s }: Claims): boolean {
  return s.split(',').includes(RELEASED)
}

/**
 * The fields that hosts on the way add, drop or rewrite, and that no reader uses to decode mail, each with the
 * reason. They are part of the format, and stamp-format.md has this list.
 */
export const unboundFieldsInWords: Readonly<Record<string, string>> = {
  Received: 'every host adds one, and Postfix and Sendmail do not show theirs to filters',
  'Return-Path': 'final delivery adds it, Postfix drops it before filters see it',
  'Delivered-To': 'qmail-local and Postfix add it',
  'X-Original-To': 'Postfix adds it at delivery',
  'Envelope-To': 'Exim adds it at delivery and removes it from incoming mail',
  'Delivery-Date': 'the same',
  'Received-SPF': 'added by the host that checks SPF',
  'Authentication-Results': 'added, and forged ones removed, by the host that checks DKIM',
  'DKIM-Signature': 'added by the host that signs, often beside this filter',
  'ARC-Seal': 'added by hosts that forward',
  'ARC-Message-Signature': 'the same',
  'ARC-Authentication-Results': 'the same',
  Bcc: 'Postfix drops it before filters see it',
  'Resent-Bcc': 'the same',
  'Content-Length': 'Postfix drops it, and it does not affect how mailbox readers decode a message',
  'X-QHPSI': 'every host of a cluster replaces it',
}

/**
 * Their names in lower case. (An array is faster than a Set for these few names: a Set would first search all
 * strings of the runtime, which takes four times as long.)
 */
export const unboundFields: readonly string[] = Object.keys(unboundFieldsInWords).map((name) =>
  name.toLowerCase(),
)

/** Returns whether a stamp covers a field of this name (lower case) below it. */
export function isBound(name: string): boolean {
  return !unboundFields.includes(name) && !isStampName(name)
}

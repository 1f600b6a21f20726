import type { Hash } from 'node:crypto'
import { CR, LF } from '../../base/bytes/ascii.ts'
import type { LineEnding } from './header-block.ts'
import { otherLineEnd } from './well-formed.ts'

/** The digests of a body that a keyring needs. All are taken in one pass. */
export interface DigestsWanted {
  readonly wantsMd5: boolean
  readonly wantsSha256: boolean
}

export interface BodyDigests {
  /** The state of the hash over the canonical body. Copy it to add a key. */
  readonly md5: Hash | undefined
  /** Lower-case hex. */
  readonly sha256: string | undefined
}

/**
 * Hashes the canonical body of a message (stamp-format.md).
 *
 * - CRLF becomes LF if the whole message uses CRLF, and a body that does not end in LF gets one.
 * - A message with LF endings may contain no CR at all.
 * - In a message with CRLF endings each CR must precede an LF, and each LF must follow a CR.
 *
 * A body that breaks this rule can have no stamp, and hashing stops.
 */
export class BodyDigester {
  readonly #ending: LineEnding
  readonly #md5: Hash | undefined
  readonly #sha256: Hash | undefined
  #endingsAgree = true
  #last = LF // an empty body needs no LF added
  #hasPendingCr = false

  constructor(ending: LineEnding, wanted: DigestsWanted, createHash: (algorithm: string) => Hash) {
    this.#ending = ending
    this.#md5 = wanted.wantsMd5 ? createHash('md5') : undefined
    this.#sha256 = wanted.wantsSha256 ? createHash('sha256') : undefined
  }

  update(chunk: Buffer): void {
    if (!this.#endingsAgree) return
    if (this.#ending === '\r\n') this.#updateCrlf(chunk)
    else if (chunk.includes(CR)) this.#endingsAgree = false
    else this.#hash(chunk)
  }

  finish(): {
    readonly digests: BodyDigests
    /** Whether every line of the body ends like the header's first line. */
    readonly endingsAgree: boolean
  } {
    if (this.#hasPendingCr) this.#endingsAgree = false
    if (this.#last !== LF) this.#hash(Buffer.from('\n'))
    const digests = { md5: this.#md5, sha256: this.#sha256?.digest('hex') }
    return { digests, endingsAgree: this.#endingsAgree }
  }

  #updateCrlf(chunk: Buffer): void {
    let text = `${this.#hasPendingCr ? '\r' : ''}${chunk.toString('latin1')}`
    this.#hasPendingCr = text.endsWith('\r')
    if (this.#hasPendingCr) text = text.slice(0, -1)
    if (otherLineEnd(text, '\r\n') >= 0) this.#endingsAgree = false
    else this.#hash(Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1'))
  }

  #hash(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#md5?.update(bytes)
    this.#sha256?.update(bytes)
    this.#last = bytes[bytes.length - 1]!
  }
}

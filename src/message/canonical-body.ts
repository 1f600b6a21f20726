import type { Hash } from 'node:crypto'
import type { LineEnding } from './header-block.ts'

const LF = 0x0a
const CR = 0x0d

/** The digests of a body that a keyring needs. All are taken in one pass. */
export interface DigestsWanted {
  readonly md5: boolean
  readonly sha256: boolean
}

export interface BodyDigests {
  /** The state of the hash over the canonical body; copy it to add a key. */
  readonly md5: Hash | undefined
  /** Lower-case hex. */
  readonly sha256: string | undefined
}

export interface BodyDigester {
  update(chunk: Buffer): void
  finish(): {
    readonly digests: BodyDigests
    /** Whether every line of the body ends as the header's first line does. */
    readonly endingsAgree: boolean
  }
}

/**
 * Hashes the canonical body of a message (onescan-stamp(7)): CRLF becomes LF if the message is all CRLF, and a
 * body that does not end in LF gets one. In a message with LF endings no CR may occur at all; in
 * one with CRLF each CR must stand before an LF and each LF behind a CR. A body that breaks this
 * rule can have no stamp, and hashing stops.
 */
export function createBodyDigester(
  ending: LineEnding,
  wanted: DigestsWanted,
  createHash: (algorithm: string) => Hash,
): BodyDigester {
  const md5 = wanted.md5 ? createHash('md5') : undefined
  const sha256 = wanted.sha256 ? createHash('sha256') : undefined
  let endingsAgree = true
  let last = LF // an empty body needs no LF added
  let pendingCr = false

  function hash(bytes: Buffer): void {
    if (bytes.length === 0) return
    md5?.update(bytes)
    sha256?.update(bytes)
    last = bytes[bytes.length - 1]!
  }

  function updateLf(chunk: Buffer): void {
    if (chunk.includes(CR)) endingsAgree = false
    else hash(chunk)
  }

  function updateCrlf(chunk: Buffer): void {
    const out = Buffer.allocUnsafe(chunk.length)
    let length = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (pendingCr !== (byte === LF)) {
        endingsAgree = false
        return
      }
      pendingCr = byte === CR
      if (!pendingCr) out[length++] = byte
    }
    hash(out.subarray(0, length))
  }

  const update = ending === '\n' ? updateLf : updateCrlf
  return {
    update(chunk) {
      if (endingsAgree) update(chunk)
    },
    finish() {
      if (pendingCr) endingsAgree = false
      if (last !== LF) hash(Buffer.from('\n'))
      return { digests: { md5, sha256: sha256?.digest('hex') }, endingsAgree }
    },
  }
}

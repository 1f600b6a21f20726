import { createQuotedPrintableReader } from '../shared/quoted-printable.ts'
import type { TransferEncoding } from './declaration.ts'

/** Bytes that are decoded at a time. */
const STEP = 16 * 1024

/** Takes encoded bytes in any split, gives what they mean, piece by piece: each is valid until the next one. */
export type Decode = (bytes: Buffer) => Iterable<Buffer>

/** As lax as the laxest reader: what is no base64 is left out, what follows padding goes on. */
export function createDecoder(encoding: TransferEncoding): Decode {
  const decode = encoding === 'base64' ? createBase64Reader() : createEscapesReader()
  return function* (bytes) {
    for (let at = 0; at < bytes.length; at += STEP) yield decode(bytes.subarray(at, at + STEP))
  }
}

function createEscapesReader(): (bytes: Buffer) => Buffer {
  const read = createQuotedPrintableReader()
  return (bytes) => Buffer.from(read(bytes.toString('latin1')), 'latin1')
}

const OTHER = 64
const PADDING = 65

/** What a byte is in base64 (RFC 2045 6.8): below 64 its value. */
const values = new Uint8Array(256).fill(OTHER)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  values[character.charCodeAt(0)] = value
}
values['='.charCodeAt(0)] = PADDING

function createBase64Reader(): (bytes: Buffer) => Buffer {
  let out: Buffer = Buffer.alloc(0) // of this content alone: what is given is not kept
  let bits = 0
  let count = 0 // of bits
  return (bytes) => {
    if (out.length < bytes.length) out = Buffer.allocUnsafeSlow(bytes.length)
    let length = 0
    for (let at = 0; at < bytes.length; at++) {
      const value = values[bytes[at]!]!
      if (value < 64) {
        bits = ((bits << 6) | value) & 0xffff
        count += 6
        if (count >= 8) {
          count -= 8
          out[length++] = bits >> count
        }
      } else if (value === PADDING) {
        count = 0
      }
    }
    return out.subarray(0, length)
  }
}

/** Bytes that tell. */
const START = 512

/**
 * Whether content begins as a message does, as far as `start` goes: undefined until that
 * can be told. No file that libclamav takes for mail begins otherwise.
 */
export function beginsAsMail(start: Buffer): boolean | undefined {
  const text = start.toString('latin1', 0, START).replace(/^\s+/, '')
  if (/^(?:[!-9;-~]+[ \t]*:|>?From )/.test(text)) return true
  return start.length >= START || /^[!-~]*(?:[^!-~ \t]|[ \t]+[^ \t:])/.test(text)
    ? false
    : undefined
}

import { createQuotedPrintableReader } from '../quoted-printable.ts'
import type { TransferEncoding } from './declaration.ts'

/** Takes encoded bytes in any split, gives what they mean. */
export type Decode = (bytes: Buffer) => Buffer

/** As lax as the laxest reader: what is no base64 is left out, what follows padding goes on. */
export function createDecoder(encoding: TransferEncoding): Decode {
  if (encoding === 'quoted-printable') {
    const read = createQuotedPrintableReader()
    return (bytes) => Buffer.from(read(bytes.toString('latin1')), 'latin1')
  }
  let group = '' // of four characters, while it is not complete
  return (bytes) => {
    const pieces = (group + bytes.toString('latin1')).replace(/[^A-Za-z0-9+/=]+/g, '').split(/=+/)
    const last = pieces.pop()!
    const whole = last.length - (last.length % 4)
    group = last.slice(whole)
    const decoded = pieces.map((piece) => Buffer.from(piece, 'base64'))
    return Buffer.concat([...decoded, Buffer.from(last.slice(0, whole), 'base64')])
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

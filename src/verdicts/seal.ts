import { replaceUnprintable } from '../ground/errors/replace-unprintable.ts'
import type { Crypto } from '../ground/runtime/crypto.ts'
import type { RememberedVerdict } from './verdict.ts'

/** Most bytes of a sealed verdict: what is longer is none. */
export const SEALED_MAX = 4096
const MAC_SIZE = 32
const FORMAT = 'onescan-verdict/1'
/** Characters of a text in it. */
const TEXT_MAX = 400

/**
 * A verdict as a store keeps it: the MAC, 32 bytes, and behind it lines in printable ASCII:
 * the format, the answer, the time, the host, the signatures, the scanners, and for
 * `infected` the scanner that found it and the name. The MAC is HMAC-SHA-256 under `secret`
 * over the fingerprint and these lines: who can write to the store can make a verdict
 * vanish or come late, and can neither forge one nor give one message that of another.
 */
export function sealVerdict(
  verdict: RememberedVerdict,
  fingerprint: Buffer,
  secret: Buffer,
  crypto: Crypto,
): Buffer {
  const { found, time, host, signatures, scanners } = verdict
  const lines = [FORMAT, found.answer, String(time), host, signatures, scanners.join(',')]
  if (found.answer === 'infected') lines.push(found.scanner, found.name)
  const text = Buffer.from(lines.map((line) => `${lineOf(line)}\n`).join(''), 'latin1')
  return Buffer.concat([macOf(fingerprint, text, secret, crypto), text])
}

/** The verdict, or undefined for bytes that nobody with the secret sealed for this fingerprint. */
export function openSealed(
  sealed: Buffer,
  fingerprint: Buffer,
  secret: Buffer,
  crypto: Crypto,
): RememberedVerdict | undefined {
  if (sealed.length <= MAC_SIZE || sealed.length > SEALED_MAX) return undefined
  const text = sealed.subarray(MAC_SIZE)
  const expected = macOf(fingerprint, text, secret, crypto)
  if (!crypto.timingSafeEqual(sealed.subarray(0, MAC_SIZE), expected)) return undefined
  return readLines(text.toString('latin1').split('\n'))
}

/** It was written by a host with the secret, but perhaps by another release of onescan. */
function readLines(lines: readonly string[]): RememberedVerdict | undefined {
  const [format, answer, time = '', host = '', signatures = '', scanners = '', ...rest] = lines
  if (format !== FORMAT || !/^[0-9]{1,12}$/.test(time)) return undefined
  const common = { time: Number(time), host, signatures, scanners: scanners.split(',') }
  // What stands behind the last line end is one more.
  if (answer === 'clean' && rest.length === 1) return { ...common, found: { answer } }
  const [scanner, name] = rest
  if (answer !== 'infected' || rest.length !== 3 || !scanner || !name) return undefined
  return { ...common, found: { answer, scanner, name } }
}

function macOf(fingerprint: Buffer, text: Buffer, secret: Buffer, crypto: Crypto): Buffer {
  return crypto.createHmac('sha256', secret).update(fingerprint).update(text).digest()
}

/** Makes one line of it, whatever a scanner says. */
function lineOf(text: string): string {
  return replaceUnprintable(text).slice(0, TEXT_MAX)
}

import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import type { Crypto } from '../../../../base/runtime/crypto.ts'
import type { CachedVerdict } from '../copies/fresh.ts'

/** Upper limit, in bytes, for a sealed verdict. */
export const SEALED_MAX = 4096
const MAC_SIZE = 32
const FORMAT = 'onescan-verdict/1'
/** Upper limit for the characters of one line of it. */
const TEXT_MAX = 400

/**
 * Returns a sealed verdict for a store: a MAC of 32 bytes, followed by lines of printable ASCII. The lines
 * contain the format, the answer, the time, the host, the signatures and the scanners. For `infected` they
 * also contain the scanner that found the virus, and its name.
 *
 * The MAC is HMAC-SHA-256 with `secret` over the fingerprint and these lines. So a process that can write to
 * the store can remove or delay a verdict, but it can neither forge one nor assign it to another message.
 */
export function sealVerdict(
  verdict: CachedVerdict,
  fingerprint: string,
  secret: Buffer,
  crypto: Crypto,
): Buffer {
  const { found, time, host, signatures, scanners } = verdict
  const lines = [FORMAT, found.answer, String(time), host, signatures, scanners.join(',')]
  if (found.answer === 'infected') lines.push(found.scanner, found.name)
  const text = Buffer.from(lines.map((line) => `${lineOf(line)}\n`).join(''), 'latin1')
  return Buffer.concat([macOf(fingerprint, text, secret, crypto), text])
}

/** Returns the verdict, or undefined if it was not sealed with this secret for this fingerprint. */
export function openSealed(
  sealed: Buffer,
  fingerprint: string,
  secret: Buffer,
  crypto: Crypto,
): CachedVerdict | undefined {
  if (sealed.length <= MAC_SIZE || sealed.length > SEALED_MAX) return undefined
  const text = sealed.subarray(MAC_SIZE)
  const expected = macOf(fingerprint, text, secret, crypto)
  if (!crypto.timingSafeEqual(sealed.subarray(0, MAC_SIZE), expected)) return undefined
  return readLines(text.toString('latin1').split('\n'))
}

/** Reads the lines, which a host with the secret wrote, but perhaps another release of onescan. */
function readLines(lines: readonly string[]): CachedVerdict | undefined {
  const [format, answer, time = '', host = '', signatures = '', scanners = '', ...rest] = lines
  if (format !== FORMAT || !/^[0-9]{1,12}$/.test(time)) return undefined
  const common = { time: Number(time), host, signatures, scanners: scanners.split(',') }
  // The empty text after the last line end is one more element.
  if (answer === 'clean' && rest.length === 1) return { ...common, found: { answer } }
  const [scanner, name] = rest
  if (answer !== 'infected' || rest.length !== 3 || !scanner || !name) return undefined
  return { ...common, found: { answer, scanner, name } }
}

function macOf(fingerprint: string, text: Buffer, secret: Buffer, crypto: Crypto): Buffer {
  const bytes = Buffer.from(fingerprint, 'base64url')
  return crypto.createHmac('sha256', secret).update(bytes).update(text).digest()
}

/** Returns any text of a scanner as one line. */
function lineOf(text: string): string {
  return replaceUnprintable(text).slice(0, TEXT_MAX)
}

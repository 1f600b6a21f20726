import { replaceUnprintable } from '../../../lib/errors/log.ts'
import type { Crypto } from '../../../lib/runtime/crypto.ts'
import type { RememberedVerdict } from '../copies/verdict-query.ts'

/** Most bytes of a sealed verdict. */
export const SEALED_MAX = 4096
const MAC_SIZE = 32
const FORMAT = 'onescan-verdict/1'
/** Most characters of one line of it. */
const TEXT_MAX = 400

/**
 * Seals a verdict for a store: a MAC of 32 bytes, and after it lines of printable ASCII with the
 * format, the answer, the time, the host, the signatures and the scanners; for `infected` also the
 * scanner that found the virus, and its name. The MAC is HMAC-SHA-256 under `secret` over the
 * fingerprint and these lines. So those who can write to the store can make a verdict vanish or come
 * late, but they can neither forge one nor give one message the verdict of another.
 */
export function sealVerdict(
  verdict: RememberedVerdict,
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

/** Returns the verdict; undefined unless somebody with the secret sealed it for this fingerprint. */
export function openSealed(
  sealed: Buffer,
  fingerprint: string,
  secret: Buffer,
  crypto: Crypto,
): RememberedVerdict | undefined {
  if (sealed.length <= MAC_SIZE || sealed.length > SEALED_MAX) return undefined
  const text = sealed.subarray(MAC_SIZE)
  const expected = macOf(fingerprint, text, secret, crypto)
  if (!crypto.timingSafeEqual(sealed.subarray(0, MAC_SIZE), expected)) return undefined
  return readLines(text.toString('latin1').split('\n'))
}

/** Reads the lines, which a host with the secret wrote, but perhaps another release of onescan. */
function readLines(lines: readonly string[]): RememberedVerdict | undefined {
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

/** Makes one line of a text, whatever a scanner says. */
function lineOf(text: string): string {
  return replaceUnprintable(text).slice(0, TEXT_MAX)
}

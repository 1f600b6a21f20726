import type { Crypto } from '../../ground/runtime/crypto.ts'
import type { Header } from '../../message/header-block.ts'
import { headerFormFault } from '../../message/well-formed.ts'
import { digestSharedFields, extraRetryFields, shareInRetry, shareOf } from './fields.ts'

/** What a fingerprint is made from: a message as scanners see it, and how they scan it. */
export interface FingerprintInput {
  /** The header as it will leave. */
  readonly header: Header
  /** Why the message as it came is not well formed; undefined if it is. */
  readonly formFault: string | undefined
  /** SHA-256 of the canonical body, in lower-case hex. */
  readonly bodyDigest: string | undefined
  /** The scanners and their settings, in one line (message-identity.ts). */
  readonly scanDescription: string
}

/**
 * Returns the fingerprint by which the verdict on a message is remembered, in base64url: HMAC-SHA-256
 * under `secret` over the lines `onescan-verdict/1`, the description of the scan, `lf` or `crlf`, the
 * digest of the header fields, and the digest of the canonical body. Two messages share a fingerprint
 * only if readers of mail get the same out of both. Undefined if the message is not well formed, or if
 * the fields that differ from copy to copy are large or odd.
 */
export function fingerprintOf(
  input: FingerprintInput,
  secret: Buffer,
  crypto: Crypto,
): string | undefined {
  const { header, formFault, bodyDigest, scanDescription } = input
  if (formFault !== undefined || bodyDigest === undefined) return undefined
  // The header is empty now if all of its fields were removed.
  if (headerFormFault(header) !== undefined) return undefined
  const fields = digestSharedFields(crypto, header, shareOf)
  if (fields === undefined) return undefined
  return nameOf('onescan-verdict/1', scanDescription, header, [fields, bodyDigest], secret, crypto)
}

/**
 * Resolves to the exact fingerprint, by which a message is known when it is delivered again, well formed
 * or not: only Received, Date, Message-ID and stamps may differ, and only if they are ordinary. A
 * fingerprint of copies, if there is one, becomes a part of it, so that nothing is hashed twice. `body`
 * is read only if there is neither that nor a digest of the body.
 */
export async function exactFingerprintOf(
  { header, formFault, bodyDigest, scanDescription }: FingerprintInput,
  fingerprint: string | undefined,
  body: Iterable<Buffer>,
  secret: Buffer,
  crypto: Crypto,
): Promise<string> {
  if (fingerprint !== undefined) {
    const hmac = crypto.createHmac('sha256', secret).update('onescan-poison/2\n', 'latin1')
    return hmac
      .update(`${fingerprint}${extraRetryFields(header)}`, 'latin1')
      .digest()
      .toString('base64url')
  }
  const fields =
    digestSharedFields(crypto, header, shareInRetry) ??
    digestSharedFields(crypto, header, () => 'whole')!
  const digest = (formFault === undefined && bodyDigest) || `raw ${await digestRaw(body, crypto)}`
  return nameOf('onescan-poison/1', scanDescription, header, [fields, digest], secret, crypto)
}

async function digestRaw(body: Iterable<Buffer>, crypto: Crypto): Promise<string> {
  const hash = crypto.createHash('sha256')
  let bytes = 0
  for (const chunk of body) {
    hash.update(chunk)
    bytes += chunk.length
    if (bytes < SLICE) continue
    bytes = 0
    await new Promise(setImmediate)
  }
  return hash.digest('hex')
}

/** Bytes after which other mail has its turn: a millisecond or two. */
const SLICE = 1024 * 1024

function nameOf(
  kind: string,
  scanDescription: string,
  header: Header,
  digests: readonly string[],
  secret: Buffer,
  crypto: Crypto,
): string {
  const ending = header.lineEnding === '\n' ? 'lf' : 'crlf'
  const lines = [kind, scanDescription, ending, ...digests]
  return crypto
    .createHmac('sha256', secret)
    .update(`${lines.join('\n')}\n`, 'latin1')
    .digest()
    .toString('base64url')
}

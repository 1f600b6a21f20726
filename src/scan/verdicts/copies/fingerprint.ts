import type { Crypto } from '../../../ground/runtime/crypto.ts'
import type { Header } from '../../../mail/message/header-block.ts'
import { headerFormFault } from '../../../mail/message/well-formed.ts'
import { fieldsSharedBy, shareInRetry, shareOf } from './fields.ts'

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
 * digest of the canonical body, and the header fields. Two messages share a fingerprint only if readers
 * of mail get the same out of both. Undefined if the message is not well formed, or if the fields that
 * differ from copy to copy are large or odd.
 */
export function fingerprintOf(
  input: FingerprintInput,
  secret: Buffer,
  crypto: Crypto,
): string | undefined {
  const { header, formFault, bodyDigest } = input
  if (formFault !== undefined || bodyDigest === undefined) return undefined
  // The header is empty now if all of its fields were removed.
  if (headerFormFault(header) !== undefined) return undefined
  const fields = fieldsSharedBy(header, shareOf)
  if (fields === undefined) return undefined
  return nameOf('onescan-verdict/1', input, bodyDigest, fields, secret, crypto)
}

/**
 * Resolves to the exact fingerprint, by which a message is known when it is delivered again, well formed
 * or not: only Received, Date, Message-ID and stamps may differ, and only if they are ordinary. `body` is
 * read only if there is no digest of it.
 */
export async function exactFingerprintOf(
  input: FingerprintInput,
  body: Iterable<Buffer>,
  secret: Buffer,
  crypto: Crypto,
): Promise<string> {
  const { header, formFault, bodyDigest } = input
  const fields = fieldsSharedBy(header, shareInRetry) ?? fieldsSharedBy(header, () => 'whole')!
  const digest = (formFault === undefined && bodyDigest) || `raw ${await digestRaw(body, crypto)}`
  return nameOf('onescan-poison/1', input, digest, fields, secret, crypto)
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
  { scanDescription, header }: FingerprintInput,
  bodyDigest: string,
  fields: string,
  secret: Buffer,
  crypto: Crypto,
): string {
  const ending = header.lineEnding === '\n' ? 'lf' : 'crlf'
  return crypto
    .createHmac('sha256', secret)
    .update([kind, scanDescription, ending, bodyDigest, fields].join('\n'), 'latin1')
    .digest()
    .toString('base64url')
}

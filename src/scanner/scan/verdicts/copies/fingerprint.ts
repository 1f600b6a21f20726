import { hashInTurns } from '../../../../base/flow/event-loop.ts'
import type { Crypto } from '../../../../base/runtime/crypto.ts'
import { FREE_MAX, whyBound } from '../../../../mail/message/content-fields.ts'
import { Header } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { headerFault } from '../../../../mail/message/well-formed.ts'
import { unboundFields } from '../../stamps/bound-fields.ts'
import { isStampName } from '../../stamps/stamp.ts'

/** The input of a fingerprint: a message as scanners see it, and how they scan it. */
export interface FingerprintInput {
  /** The header that goes out. */
  readonly header: Header
  /** Why the message as received is not well formed, or undefined if it is well formed. */
  readonly canonicalFault: string | undefined
  /** SHA-256 of the canonical body, in lower-case hex. */
  readonly bodyDigest: string | undefined
  /** The scanners and their settings, in one line (message-identity.ts). */
  readonly scanDescription: string
}

/**
 * Returns the fingerprint under which the verdict on a message is cached, in base64url. It is HMAC-SHA-256
 * with `secret` over the lines `onescan-verdict/1`, the description of the scan, `lf` or `crlf`, the digest
 * of the canonical body, and the header fields. Two messages have the same fingerprint only if mail programs
 * read the same in both. Returns undefined if the message is not well formed, or if the fields that differ
 * between copies are large or odd.
 */
export function fingerprintOf(
  input: FingerprintInput,
  secret: Buffer,
  crypto: Crypto,
): string | undefined {
  const { header, canonicalFault, bodyDigest } = input
  if (canonicalFault !== undefined || bodyDigest === undefined) return undefined
  // The header is empty now if all of its fields were removed.
  if (headerFault(header) !== undefined) return undefined
  const fields = fieldsSharedBy(header, shareOf)
  if (fields === undefined) return undefined
  return nameOf('onescan-verdict/1', input, [bodyDigest, fields], secret, crypto)
}

/**
 * Resolves to the exact fingerprint, which recognizes a message that is delivered again, well formed or not.
 * Only Received, Date, Message-ID and stamps may differ, and only if they are ordinary. `body` is read only
 * if there is no digest of it.
 */
export async function exactFingerprintOf(
  input: FingerprintInput,
  body: Iterable<Buffer>,
  secret: Buffer,
  crypto: Crypto,
): Promise<string> {
  const { header, canonicalFault, bodyDigest } = input
  const fields = fieldsSharedBy(header, shareInRetry) ?? fieldsSharedBy(header, () => 'whole')!
  const digest =
    (canonicalFault === undefined && bodyDigest) || `raw ${await digestRaw(body, crypto)}`
  return nameOf('onescan-poison/1', input, [digest, fields], secret, crypto)
}

/** Resolves to the fingerprint for a cached verdict on exactly these bytes. */
export async function bytesFingerprintOf(
  input: FingerprintInput,
  { header, body }: Pick<Message, 'header' | 'body'>,
  secret: Buffer,
  crypto: Crypto,
): Promise<string> {
  const all = `all ${header.length} ${await digestRaw(body.chunks(), crypto, header.bytes)}`
  return nameOf('onescan-verdict/1', input, [all, ''], secret, crypto)
}

async function digestRaw(
  body: Iterable<Buffer>,
  crypto: Crypto,
  above: Buffer = Buffer.alloc(0),
): Promise<string> {
  const hash = crypto.createHash('sha256').update(above)
  await hashInTurns(hash, body)
  return hash.digest('hex')
}

function nameOf(
  kind: string,
  { scanDescription, header }: FingerprintInput,
  content: readonly [bodyDigest: string, fields: string],
  secret: Buffer,
  crypto: Crypto,
): string {
  const ending = header.lineEnding === '\n' ? 'lf' : 'crlf'
  return crypto
    .createHmac('sha256', secret)
    .update([kind, scanDescription, ending, ...content].join('\n'), 'latin1')
    .digest()
    .toString('base64url')
}

/**
 * Fields that each copy of a message gets on its way, in any number and order, and that no reader uses to
 * decode mail. They are not part of a fingerprint. They are the fields that no stamp binds, but without
 * Content-Length, by which some readers cut mail.
 */
const transportFields: ReadonlySet<string> = new Set(
  unboundFields.filter((name) => name !== 'content-length'),
)

/**
 * Fields that differ in each copy, since the sender sets them for each. Their presence and position are part of
 * the fingerprint. Their value is not.
 */
const copyFields: ReadonlySet<string> = new Set(['message-id', 'date', 'to', 'cc'])

/** The only fields that may differ when a message that killed a scanner is delivered again. */
const retryFields: ReadonlySet<string> = new Set(['received', 'date', 'message-id'])

type FieldShare = 'whole' | 'name' | 'nothing'

/** Returns which part of a field is hashed into the fingerprint of copies. `name` is in lower case. */
function shareOf(name: string): FieldShare {
  if (transportFields.has(name) || isStampName(name)) return 'nothing'
  return copyFields.has(name) ? 'name' : 'whole'
}

/** Returns which part of a field is hashed into the exact fingerprint of a message that is delivered again. */
function shareInRetry(name: string): FieldShare {
  return retryFields.has(name) || isStampName(name) ? 'nothing' : 'whole'
}

/**
 * Returns the header fields, in their order. A field that is hashed whole appears unchanged, from the first
 * byte of the name through the line end, with CRLF converted to LF. Of a field that is hashed by its name,
 * only the name in lower case, a colon and LF appear. Returns undefined if the remaining text is longer than
 * FREE_MAX, has a long line, or may affect how content is read.
 */
function fieldsSharedBy(header: Header, share: (name: string) => FieldShare): string | undefined {
  let all = ''
  let free = 0
  for (const field of header.fields) {
    const part = share(field.key)
    if (part === 'whole') all += header.textOf(field).replaceAll('\r\n', '\n')
    else {
      free += field.end - field.start
      if (free > FREE_MAX || whyBound(header, field) !== undefined) return undefined
      if (part === 'name') all += `${field.key}:\n`
    }
  }
  return all
}

/** The header with nothing but what a message shares with its copies, if it has a fingerprint. */
export function headerOfAllCopies(header: Header): Header {
  const text = `${fieldsSharedBy(header, shareOf)}\n`
  return new Header(Buffer.from(text.replaceAll('\n', header.lineEnding), 'latin1'))
}

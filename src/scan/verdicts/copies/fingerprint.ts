import { nextTurn } from '../../../lib/flow/give-way.ts'
import type { Crypto } from '../../../lib/runtime/crypto.ts'
import { FREE_MAX, whyBound } from '../../../mail/message/content-fields.ts'
import { Header } from '../../../mail/message/header-block.ts'
import type { Message } from '../../../mail/message/message.ts'
import { headerFormFault } from '../../../mail/message/well-formed.ts'
import { unboundFields } from '../../cluster/mac.ts'
import { isStampName } from '../../cluster/stamp.ts'

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

/** Resolves to the fingerprint by which a verdict is remembered that counts for these very bytes alone. */
export async function bytesFingerprintOf(
  input: FingerprintInput,
  { header, body }: Pick<Message, 'header' | 'body'>,
  secret: Buffer,
  crypto: Crypto,
): Promise<string> {
  const all = `all ${header.length} ${await digestRaw(body.chunks(), crypto, header.bytes)}`
  return nameOf('onescan-verdict/1', input, all, '', secret, crypto)
}

async function digestRaw(
  body: Iterable<Buffer>,
  crypto: Crypto,
  above: Buffer = Buffer.alloc(0),
): Promise<string> {
  const hash = crypto.createHash('sha256').update(above)
  let bytes = 0
  for (const chunk of body) {
    hash.update(chunk)
    bytes += chunk.length
    if (bytes < SLICE) continue
    bytes = 0
    await nextTurn()
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

/**
 * Fields that each copy of a message gets on its way, in any number and order, and by which no reader
 * decodes mail. They are not part of a fingerprint. They are the fields that no stamp binds, but without
 * Content-Length, by which some readers cut mail.
 */
const transportFields: ReadonlySet<string> = new Set(
  unboundFields.filter((name) => name !== 'content-length'),
)

/**
 * Fields that a sender writes anew in each copy. Their presence and place are part of the
 * fingerprint; their value is not.
 */
const copyFields: ReadonlySet<string> = new Set(['message-id', 'date', 'to', 'cc'])

/** The only fields that may differ when a message that killed a scanner is delivered again. */
const retryFields: ReadonlySet<string> = new Set(['received', 'date', 'message-id'])

type FieldShare = 'whole' | 'name' | 'nothing'

/** How much of a field is part of the fingerprint of copies; `name` is in lower case. */
function shareOf(name: string): FieldShare {
  if (transportFields.has(name) || isStampName(name)) return 'nothing'
  return copyFields.has(name) ? 'name' : 'whole'
}

/** The same for the exact fingerprint of a message that is delivered again. */
function shareInRetry(name: string): FieldShare {
  return retryFields.has(name) || isStampName(name) ? 'nothing' : 'whole'
}

/**
 * Returns the header fields, in their order. A field that counts whole stands as it is, from the
 * first byte of the name through the line end, with CRLF made LF. A field whose name alone counts
 * stands as its name in lower case, a colon and LF. Undefined if the remaining text is longer than
 * FREE_MAX, has a long line, or may say something about content.
 */
function fieldsSharedBy(header: Header, share: (name: string) => FieldShare): string | undefined {
  let all = ''
  let free = 0
  for (const field of header.fields) {
    const how = share(field.key)
    if (how === 'whole') all += header.textOf(field).replaceAll('\r\n', '\n')
    else {
      free += field.end - field.start
      if (free > FREE_MAX || whyBound(header, field) !== undefined) return undefined
      if (how === 'name') all += `${field.key}:\n`
    }
  }
  return all
}

/** The header with nothing but what a message shares with its copies, if it has a fingerprint. */
export function headerOfAllCopies(header: Header): Header {
  const text = `${fieldsSharedBy(header, shareOf)}\n`
  return new Header(Buffer.from(text.replaceAll('\n', header.lineEnding), 'latin1'))
}

import type { Hash } from 'node:crypto'
import type { DigestsWanted } from './canonical-body.ts'
import { examineForm, type MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX, Header } from './header-block.ts'
import { createNamedCopy } from './named-copy.ts'
import type { Message } from './spool.ts'
import type { SpoolPolicy } from './spool-policy.ts'

/** What a message that is not spooled here is looked at by. */
export interface LookOptions {
  readonly policy: SpoolPolicy
  /** By its header: hashing the body is what takes time. */
  readonly digestsFor: (header: Header) => DigestsWanted
  /** node:crypto's, where digests are wanted. */
  readonly createHash: ((algorithm: string) => Hash) | undefined
}

/** Bytes of the body that scanners get at a time, and that CRLF mail is copied in. */
const CHUNK = 256 * 1024

/**
 * A message whose bytes are all in memory. It becomes a file only where a scanner asks
 * for its path. Faults: `temp-file` and `write`, from `path()`.
 */
export function holdMessage(bytes: Buffer, options: LookOptions): Message {
  const { header, headerTooLarge } = headerOf(bytes)
  const { policy, digestsFor, createHash } = options
  let form: Promise<MessageForm> | undefined

  const body = (from = 0, to = bytes.length - header.length) =>
    pieces(bytes, header.length + from, header.length + to)
  const named = createNamedCopy(policy, body)

  return {
    size: bytes.length,
    header,
    headerTooLarge,
    form() {
      form ??= examineForm(header, body(), digestsFor(header), createHash)
      return form
    },
    body,
    pathIsShared: policy.sharedDirectory !== undefined,
    path: named.path,
    confirmFile: named.confirm,
    removeNamedFile: named.remove,
    close: named.remove,
  }
}

/** The header block at the front of `bytes`, which hold all of it or more than HEADER_MAX. */
export function headerOf(bytes: Buffer): {
  readonly header: Header
  readonly headerTooLarge: boolean
} {
  const found = findHeaderEnd(bytes.subarray(0, HEADER_MAX), 0)
  if ('end' in found)
    return { header: new Header(bytes.subarray(0, found.end)), headerTooLarge: false }
  const header = new Header(bytes.subarray(0, HEADER_MAX))
  return { header, headerTooLarge: bytes.length > HEADER_MAX }
}

function* pieces(bytes: Buffer, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; at += CHUNK) yield bytes.subarray(at, Math.min(to, at + CHUNK))
}

import type { Hash } from 'node:crypto'
import type { PassedDescriptors } from '../ground/net/passed-descriptors.ts'
import type { DigestsWanted } from './canonical-body.ts'
import { examineForm, type MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX, Header } from './header-block.ts'
import type { Message } from './message.ts'
import { createNamedCopy } from './named-copy.ts'
import type { SpoolPolicy } from './spool-policy.ts'

/** The settings for examining a message that this process does not spool. */
export interface MessageOptions {
  readonly policy: SpoolPolicy
  /** Chooses by the header which digests the body needs, since hashing it takes time. */
  readonly digestsFor: (header: Header) => DigestsWanted
  /** node:crypto's; set if digests are wanted. */
  readonly createHash: ((algorithm: string) => Hash) | undefined
  /** Set if this host has memory files. */
  readonly memoryFiles?: PassedDescriptors | undefined
}

/** Bytes of the body that are read at a time. */
const CHUNK = 256 * 1024

/**
 * Makes a message of bytes in memory, with its form if that is known. A file is made of it only if a
 * scanner asks for its path. `path()` rejects with Faults of kind `temp-file` and `write`.
 */
export function messageInMemory(
  bytes: Buffer,
  options: MessageOptions,
  known?: MessageForm,
): Message {
  const whole = { size: bytes.length, ...headerOf(bytes) }
  return rereadable(whole, (from, to) => pieces(bytes, from, to), options, known)
}

/**
 * Makes a message whose bytes can be read from any offset, as often as one likes, with its form if that
 * is known.
 */
export function rereadable(
  whole: Pick<Message, 'size' | 'header' | 'headerTooLarge'>,
  read: (from: number, to: number) => Iterable<Buffer>,
  { policy, digestsFor, createHash }: MessageOptions,
  known?: MessageForm,
): Message {
  const { size, header } = whole
  let form = known && Promise.resolve(known)
  const body = (from = 0, to = size - header.length) =>
    read(header.length + from, header.length + to)
  const named = createNamedCopy(policy, body)
  return {
    ...whole,
    ...named,
    form() {
      form ??= examineForm(header, body(), digestsFor(header), createHash)
      return form
    },
    body,
    close: named.removeNamedFile,
  }
}

/** Finds the header block in `bytes`, which hold all of it or more than HEADER_MAX bytes. */
export function headerOf(bytes: Buffer): {
  readonly header: Header
  readonly headerTooLarge: boolean
} {
  const front = bytes.subarray(0, HEADER_MAX)
  const found = findHeaderEnd(front, 0)
  const header = new Header('end' in found ? bytes.subarray(0, found.end) : front)
  const isCut = 'next' in found && bytes.length > HEADER_MAX
  return { header, headerTooLarge: isCut || header.hasTooManyFields }
}

function* pieces(bytes: Buffer, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; at += CHUNK) yield bytes.subarray(at, Math.min(to, at + CHUNK))
}

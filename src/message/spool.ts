import type { Hash } from 'node:crypto'
import { closeSync, readSync } from 'node:fs'
import { openAnonymousFile, spoolFault } from './anonymous-file.ts'
import { type BodyDigester, createBodyDigester, type DigestsWanted } from './canonical-body.ts'
import { concludeForm, type MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX, Header } from './header-block.ts'
import { createNamedCopy, type NamedCopy } from './named-copy.ts'
import type { SpoolPolicy } from './spool-policy.ts'
import { writeAll, writeAllOf } from './write-all.ts'

/** Bytes for new header fields in front of the body, besides those of the old header block. */
const ROOM_FOR_FIELDS = 16 * 1024
const PAGE = 4096
const CHUNK = 256 * 1024

/** A message that was received to its end; its header block is in memory. */
export interface Message extends NamedCopy {
  /** Bytes of header block and body. */
  readonly size: number
  /**
   * The header block with the first empty line, or the whole message if there is none. It may be
   * cut if `headerTooLarge` is set.
   */
  readonly header: Header
  /**
   * Whether the header block is over HEADER_MAX or HEADER_FIELDS_MAX: the message cannot be edited, only
   * refused.
   */
  readonly headerTooLarge: boolean
  /**
   * Returns what stamps need to know. The first call may hash the body, while scanners go on. Rejects
   * with a Fault if the body cannot be read.
   */
  form(): Promise<MessageForm>
  /**
   * Reads what stands behind the header block, or a part of it by offsets from there. A chunk is valid
   * until the next one is asked for.
   */
  body(from?: number, to?: number): Iterable<Buffer>
  /**
   * Returns a descriptor of a sealed file that holds `top`, in place of the header block, and the body;
   * undefined if there is none. The descriptor is open until the message is closed.
   */
  sealedFile?(top: Buffer): number | undefined
  /** Frees everything. */
  close(): void
}

/** A message in a file that the next program can be given. */
export interface SpooledMessage extends Message {
  /**
   * Writes `header` in front of the body, and returns the place of the edited message: from `offset` to
   * the end of the file `fd`. May be called once only.
   */
  rewrite(header: Buffer): { readonly fd: number; readonly offset: number }
}

export interface Spool {
  write(chunk: Buffer): void
  finish(): SpooledMessage
}

export interface SpoolOptions {
  readonly policy: SpoolPolicy
  /** Chooses by the header which digests the body needs, since hashing it takes time. */
  readonly digestsFor: (header: Header) => DigestsWanted
  /** node:crypto's; set if digests are wanted, since it takes time to load. */
  readonly createHash: ((algorithm: string) => Hash) | undefined
}

/**
 * Collects chunks in memory that doubles when it is full. So the bytes of small chunks are copied
 * a few times, not once for each chunk.
 */
function collectBytes(): { add(chunk: Buffer): void; bytes(): Buffer } {
  let room = Buffer.alloc(0)
  let length = 0
  return {
    add(chunk) {
      if (length + chunk.length > room.length) {
        const larger = Buffer.allocUnsafe(Math.max(2 * room.length, length + chunk.length))
        room.copy(larger, 0, 0, length)
        room = larger
      }
      chunk.copy(room, length)
      length += chunk.length
    },
    bytes: () => room.subarray(0, length),
  }
}

/**
 * Makes a spool, which takes a message in any split and in constant memory. The header block stays in
 * memory. The body goes to a file without a name, behind a gap in which the edited header block is
 * written later, so that each byte is written once. Faults: `temp-file` if no file can be made, `write`
 * if the disk is full.
 */
export function createSpool({ policy, digestsFor, createHash }: SpoolOptions): Spool {
  const fd = openAnonymousFile(policy.directory)
  const collected = collectBytes() // all bytes until the end of the header is found
  let beginning: Buffer = collected.bytes()
  let header: Header | undefined
  let headerTooLarge = false
  let lineStart = 0 // the line from which findHeaderEnd() goes on
  let gap = 0
  let bodySize = 0
  let digester: BodyDigester | undefined

  function writeBody(bytes: Buffer): void {
    writeAll(fd, bytes, gap + bodySize, policy.directory)
    bodySize += bytes.length
    digester?.update(bytes)
  }

  function endHeader(end: number): Header {
    const whole = new Header(beginning.subarray(0, end))
    // The body begins at a page, so that writes and reads of it are aligned.
    gap = Math.ceil((whole.length + ROOM_FOR_FIELDS) / PAGE) * PAGE
    if (createHash) {
      digester = createBodyDigester(whole.lineEnding, digestsFor(whole), createHash)
    }
    if (beginning.length > end) writeBody(beginning.subarray(end))
    return whole
  }

  return {
    write(chunk) {
      if (headerTooLarge) return // the rest of the message is read, and not kept
      if (header !== undefined) {
        writeBody(chunk)
        return
      }
      collected.add(chunk)
      beginning = collected.bytes()
      const found = findHeaderEnd(beginning, lineStart)
      if ('end' in found && found.end <= HEADER_MAX) {
        header = endHeader(found.end)
      } else if ('end' in found || beginning.length > HEADER_MAX) {
        headerTooLarge = true
        beginning = beginning.subarray(0, HEADER_MAX)
      } else {
        lineStart = found.next
      }
    },
    finish() {
      header ??= endHeader(beginning.length)
      return spooledMessage({
        fd,
        gap,
        header,
        headerTooLarge,
        bodySize,
        form: concludeForm(header, digester?.finish()),
        policy,
      })
    },
  }
}

interface SpoolContents {
  readonly fd: number
  readonly gap: number
  readonly header: Header
  readonly headerTooLarge: boolean
  readonly bodySize: number
  readonly form: MessageForm
  readonly policy: SpoolPolicy
}

function spooledMessage(spooled: SpoolContents): SpooledMessage {
  const { fd, gap, header, bodySize, policy } = spooled
  let outgoing = fd

  function* body(from = 0, to = bodySize): Generator<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, to - from))
    for (let at = from; at < to; ) {
      const length = readSync(fd, buffer, 0, Math.min(buffer.length, to - at), gap + at)
      if (length === 0) throw spoolFault('the spool file ended early', undefined)
      yield buffer.subarray(0, length)
      at += length
    }
  }

  const named = createNamedCopy(policy, body)

  return {
    ...named,
    size: header.length + bodySize,
    header,
    headerTooLarge: spooled.headerTooLarge || header.hasTooManyFields,
    form: async () => spooled.form,
    body,
    rewrite(edited) {
      if (edited.length <= gap) {
        const offset = gap - edited.length
        writeAll(fd, edited, offset, policy.directory)
        return { fd, offset }
      }
      outgoing = openAnonymousFile(policy.directory)
      writeAll(outgoing, edited, 0, policy.directory)
      writeAllOf(outgoing, body(), edited.length, policy.directory)
      return { fd: outgoing, offset: 0 }
    },
    close() {
      named.removeNamedFile()
      closeSync(fd)
      if (outgoing !== fd) closeSync(outgoing)
    },
  }
}

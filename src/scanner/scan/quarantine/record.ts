import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { attempt, Fault } from '../../../base/errors/fault.ts'
import { writeWholeInThread } from '../../../base/process/descriptors.ts'
import { Bytes } from '../../../mail/message/bytes.ts'
import type { Origin } from '../../../mail/message/envelope.ts'
import type { Message } from '../../../mail/message/message.ts'
import type { Folder, MaildirFile } from './folders.ts'
import { seenFields } from './seen-fields.ts'

/** The data about a message in quarantine. Each character of an address is one byte (latin1). */
export interface QuarantineRecord {
  readonly id: string
  /** The time at which the message was kept, RFC 3339 in UTC. */
  readonly time: string
  /** The host that keeps it. */
  readonly host: string
  /** The door, or `scan` for mail that was delivered before. */
  readonly door: Origin['interface'] | 'scan'
  /** The reason for which the message is kept: a value of the log field `grounds`. */
  readonly grounds: string
  /** The virus, or the banned attachment. */
  readonly found?: string | undefined
  /** The address of the SMTP client. */
  readonly remote?: string | undefined
  /** The MTA's own name for the message. */
  readonly queue?: string | undefined
  readonly sender: string
  readonly recipients: readonly string[]
  /** The path of a message that was delivered before, its time (RFC 3339), its mode (`0640`) and owner (`UID:GID`). */
  readonly file?: string | undefined
  readonly delivered?: string | undefined
  readonly mode?: string | undefined
  readonly owner?: string | undefined
  /** The fields by which people recognize the message (seen-fields.ts). Mail that was kept earlier has none here. */
  readonly fields?: readonly string[] | undefined
  /** The line of the log about the message. */
  readonly log: string
}

/**
 * Returns the line that ends the record, with the SHA-256 of the message in hex. The message follows byte for
 * byte. No line of the record can look like it: the record is JSON, and each of its continuation lines begins
 * with a blank.
 */
const lastLine = (sha256: string): string =>
  `X-Onescan-Message: sha256=${sha256}; as it came, below this line\n`
/** The last line of the record while the message is being written. */
const UNKNOWN = lastLine('0'.repeat(64))
const LAST_LINE = new RegExp(`\n${lastLine('([0-9a-f]{64})')}`)
/** The beginning of the record, which is a header field. */
const RECORD_FIELD = 'X-Onescan-Quarantine: '
/** Characters in a line of the record; RFC 5322 2.1.1 requires at most 998. */
const LINE_MAX = 900
/**
 * Upper limit, in bytes, for a record, with its digest: some 700,000 recipients of 20 bytes. Mail with more
 * of them is not kept, because no command could read its record, and a file with more is not read.
 */
const RECORD_MAX = 16 * 1024 * 1024
/** The nesting depth of the JSON of a record: its fields, and the recipients. */
const JSON_DEPTH_MAX = 2
/** Matches a text with more brackets than that, for which the depth is counted. */
const MAY_BE_DEEP = /^(?:[^[{]*[[{]){3}/

/** A record read from above a message. */
interface ReadRecord {
  readonly record: QuarantineRecord
  /** The SHA-256 of the message in hex, as the file has it. */
  readonly sha256: string
  /** The byte of the file at which the message begins. */
  readonly messageAt: number
}

/**
 * Writes a record and the message into an empty file. One file is used so that neither exists without the
 * other. Rejects with a Fault if the record has more than RECORD_MAX bytes, or with the error of the system.
 * When the signal is aborted, it rejects before it reads more of the message.
 */
export async function writeRecorded(
  file: FileHandle,
  record: QuarantineRecord,
  { header, body }: Pick<Message, 'header' | 'body'>,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256')
  const above = encodeRecord({ ...record, fields: await seenFields({ header, body }) })
  await writeWholeInThread(file, above)
  signal.throwIfAborted() // the message may be gone
  for (const chunk of Bytes.of(header.bytes, body).chunks()) {
    hash.update(chunk)
    await writeWholeInThread(file, chunk)
    signal.throwIfAborted()
  }
  const line = Buffer.from(lastLine(hash.digest('hex')))
  await writeWholeInThread(file, line, above.length - line.length)
}

/**
 * Returns a record as two header fields above the message: JSON in ASCII, folded at any position, and the
 * line before the message, whose digest is written later.
 */
function encodeRecord(record: QuarantineRecord): Buffer {
  const json = JSON.stringify(record).replace(/[^ -~]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  const lines: string[] = []
  for (let at = 0; at < json.length; at += LINE_MAX) lines.push(json.slice(at, at + LINE_MAX))
  const written = Buffer.from(`${RECORD_FIELD}${lines.join('\n ')}\n${UNKNOWN}`, 'latin1')
  if (written.length <= RECORD_MAX) return written
  throw new Fault('out-of-memory', `its record in quarantine has more than ${RECORD_MAX} bytes`)
}

/**
 * Reads the record, and where the message begins, from the first bytes of a file. Returns undefined
 * if there are not enough of them. Throws a Fault of kind `read` for a file without a record.
 */
function decodeRecord(start: Buffer): ReadRecord | undefined {
  if (start.toString('latin1', 0, RECORD_FIELD.length) !== RECORD_FIELD)
    throw notOurs('it has no record')
  const end = start.indexOf('\nX-Onescan-Message: ')
  const messageAt = end + 1 + UNKNOWN.length
  if (end < 0 || messageAt > start.length) {
    if (start.length < RECORD_MAX) return undefined
    throw notOurs(`its record has more than ${RECORD_MAX} bytes`)
  }
  const [, sha256] = LAST_LINE.exec(start.toString('latin1', end, messageAt)) ?? []
  if (sha256 === undefined) throw notOurs('its record has no end mark')
  const json = start.toString('latin1', RECORD_FIELD.length, end).replaceAll('\n ', '')
  return { record: parseRecord(json), sha256, messageAt }
}

function parseRecord(json: string): QuarantineRecord {
  if (MAY_BE_DEEP.test(json) && depthOf(json) > JSON_DEPTH_MAX)
    throw notOurs('its record has lists in lists')
  const value = attempt<unknown>(() => JSON.parse(json))
  if (value === undefined) throw notOurs('its record is not JSON')
  if (isRecord(value)) return value
  throw notOurs('its record is incomplete')
}

const TEXTS = ['id', 'time', 'host', 'door', 'grounds', 'sender', 'log']
const OPTIONAL_TEXTS = ['found', 'remote', 'queue', 'file', 'delivered', 'mode', 'owner']

function isRecord(value: unknown): value is QuarantineRecord {
  const facts: Record<string, unknown> = { ...Object(value) }
  const { recipients, fields = [] } = facts
  const texts = [...TEXTS, ...OPTIONAL_TEXTS.filter((name) => name in facts)]
  if (!texts.every((name) => isText(facts[name]))) return false
  return [recipients, fields].every((list) => Array.isArray(list) && list.every(isText))
}

/**
 * Returns the nesting depth of a text, if it is JSON. Parsing millions of nested objects would need many
 * times the memory of the text.
 */
function depthOf(json: string): number {
  const [quote, backslash, opening, closing] = [0x22, 0x5c, 0x7b, 0x7d]
  let [depth, deepest] = [0, 0]
  let isInText = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    const bracket = code | 0x20 // the same for both kinds
    if (code === quote) isInText = !isInText
    else if (isInText) at += code === backslash ? 1 : 0
    else if (bracket === opening) deepest = Math.max(deepest, ++depth)
    else if (bracket === closing) depth--
  }
  return deepest
}

const isText = (value: unknown): boolean => typeof value === 'string'

function notOurs(reason: string): Fault {
  return new Fault('read', `is not a message in quarantine: ${reason}`)
}

/**
 * Bytes of a file that are read at first, to find its record. Each further read is eight times as large, up
 * to RECORD_MAX.
 */
export const RECORD_START = 4096

/** A message that is open for reading. */
export interface OpenEntry {
  readonly record: QuarantineRecord
  /** Yields the original message. Throws a Fault at its end if it is not the one that was kept. */
  message(): AsyncGenerator<Buffer>
  close(): Promise<void>
}

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Opens the file of a message. Rejects with ENOENT if it no longer exists, and with a Fault if it is not a
 * message in quarantine.
 */
export async function openEntry(folder: Folder, { part, file }: MaildirFile): Promise<OpenEntry> {
  const handle = await open(folder.parts[part].at(file), READ_FLAGS)
  try {
    if (!(await handle.stat()).isFile()) throw new Fault('read', `${file}: is not a regular file`)
    const start = await readStart(async (bytes, at) => {
      return (await handle.read(bytes, at, bytes.length - at, at)).bytesRead
    })
    return {
      record: start.record,
      message: () => readMessage(handle, start),
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* readMessage(
  handle: FileHandle,
  { sha256, messageAt }: ReadRecord,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  for (let at = messageAt; ; ) {
    const chunk = Buffer.alloc(256 * 1024)
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) break
    const piece = chunk.subarray(0, bytesRead)
    hash.update(piece)
    yield piece
    at += bytesRead
  }
  if (hash.digest('hex') === sha256) return
  throw new Fault(
    'read',
    'is not the message that was quarantined: its digest differs from the one in its record',
  )
}

/** What a list has of a message. */
export interface RecordAndStart {
  readonly record: QuarantineRecord
  /** The first bytes of the message, as many as were read with the record. They are valid until the next is read. */
  readonly start: Buffer
}

/**
 * Reads the record of a message, and no more of the message. Rejects as openEntry() does. Blocks this process while it
 * reads: for a list that takes a quarter of the time.
 */
export async function readBeginning(
  folder: Folder,
  { part, file }: MaildirFile,
  buffer: Buffer,
): Promise<RecordAndStart> {
  const fd = openSync(folder.parts[part].at(file), READ_FLAGS)
  try {
    const readInto: ReadInto = (bytes, at) => readSync(fd, bytes, at, bytes.length - at, at)
    const { record, start } = await readStart(readInto, buffer)
    return { record, start }
  } finally {
    closeSync(fd)
  }
}

/** Reads bytes of a file into a buffer, from this position of both on. Returns how many. */
type ReadInto = (bytes: Buffer, at: number) => number | Promise<number>

/** Reads the record above a message. */
async function readStart(
  read: ReadInto,
  buffer: Buffer = Buffer.alloc(RECORD_START),
): Promise<ReadRecord & RecordAndStart> {
  let start: Buffer = buffer
  for (let length = 0; ; ) {
    const bytesRead = await read(start, length)
    length += bytesRead
    const found = decodeRecord(start.subarray(0, length))
    if (found !== undefined) return { ...found, start: start.subarray(found.messageAt, length) }
    if (bytesRead === 0) throw notOurs('it ends early')
    start = Buffer.concat([start], 8 * length)
  }
}

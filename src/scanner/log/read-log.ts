import { spawn } from 'node:child_process'
import { createReadStream, readdirSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { attempt, errorCode, errorText, errorTextAt } from '../../base/errors/fault.ts'
import { type OpenFile, PathHandle } from '../../base/path/path-handle.ts'
import { inheritedDescriptor } from '../../base/process/descriptors.ts'
import { isPersonal, passwdEntries } from '../../base/process/passwd.ts'
import { type LogRecord, parseLogLine } from './parsed-line.ts'

/** Upper limit, in bytes, for a line that is read. onescan's own lines have at most 4,096. */
const READ_LINE_MAX = 64 * 1024
/** Upper limit, in bytes, for what is skipped up to the next line end. A sparse file could be read for hours. */
const LINE_END_WITHIN = 256 * 1024 * 1024
/** The bytes that are read at once. */
const CHUNK = 256 * 1024

/** The beginnings of files that gzip(1), xz(1) and zstd(1) have compressed. */
const COMPRESSED = /^(?:\x1f\x8b|\xfd7zXZ|\x28\xb5\x2f\xfd)/

interface LogQuery {
  /** An expression that every matching line matches, so that most other lines need not be parsed. */
  readonly prefilter: RegExp
  readonly matches: (record: LogRecord) => boolean
  /** Gets a line about each file that cannot be read, or not to its end. */
  readonly warn: (text: string) => void
}

/**
 * Yields the matching records of these logs, one log after the other and each in its own order. One array
 * contains the records of one chunk.
 */
export async function* readLogs(
  files: readonly LogFile[],
  { prefilter, matches, warn }: LogQuery,
): AsyncGenerator<LogRecord[]> {
  for (const file of files) {
    try {
      for await (const lines of logLines(file)) {
        const records = lines.flatMap((line) => {
          if (!prefilter.test(line)) return []
          const record = parseLogLine(line, file.modified)
          return record !== undefined && matches(record) ? [record] : []
        })
        if (records.length > 0) yield records
      }
    } catch (error) {
      warn(errorText(error))
    }
  }
}

/**
 * Yields the lines of a log in latin1, those of a chunk at a time. Throws if the log cannot be read,
 * or not to its end.
 */
async function* logLines(file: LogFile): AsyncGenerator<string[]> {
  const { path, command } = file
  if (command !== undefined) return yield* linesIn(outputOf(command))
  const inherited = inheritedDescriptor(path)
  // A thread that reads a pipe, as a file stream does, would keep this process from its end.
  const bytes =
    inherited === 0
      ? process.stdin
      : createReadStream(path, { fd: inherited ?? openLogFile(file), highWaterMark: CHUNK })
  try {
    yield* linesIn(uncompressed(bytes))
  } catch (error) {
    throw new Error(`${path}: ${errorTextAt(path, error)}`)
  }
}

/** Passes a log on. Throws if it is compressed: in such bytes no line would be found. */
async function* uncompressed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isStart = true
  for await (const chunk of chunks) {
    if (isStart && COMPRESSED.test(chunk.toString('latin1', 0, 8))) {
      throw new Error('is compressed; onescan(1), EXAMPLES, shows how to decompress it')
    }
    isStart = false
    yield chunk
  }
}

/**
 * Opens a log: with `open` if the user named the file. A file found in a directory may have been put there by
 * a user with fewer rights than the reader of all logs. A link would lead elsewhere, a pipe would block this
 * process indefinitely, and a device may have no end. Throws for each of them.
 */
export function openLogFile(
  { path, isFound }: LogFile,
  open: (file: PathHandle) => OpenFile = (file) => file.openFileOrPipe(),
): number {
  if (!isFound) return PathHandle.with(path, open).fd
  return PathHandle.with(dirname(path), (place) =>
    place.with(basename(path), (file) => file.open()),
  ).fd
}

/**
 * Splits a stream of bytes into lines. Lines of more than READ_LINE_MAX bytes are skipped, so that memory stays
 * bounded. The last word of a line without a line end may be cut, and is skipped. Throws if LINE_END_WITHIN bytes
 * have no line end.
 */
export async function* linesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest = ''
  let withoutEnd = 0
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    withoutEnd = lines.length > 1 ? 0 : withoutEnd + chunk.length
    if (withoutEnd > LINE_END_WITHIN)
      throw new Error('is not a log: it has a line of more than 256 MiB')
    rest = (lines.pop() ?? '').slice(0, READ_LINE_MAX + 1)
    yield lines.filter((line) => line.length <= READ_LINE_MAX)
  }
  if (rest.length <= READ_LINE_MAX) yield [rest.slice(0, Math.max(0, rest.lastIndexOf(' ')))]
}

/**
 * Runs the program that prints a log, and yields its output. Throws at the end if its exit code is not 0, with the last
 * line of its standard error. If the caller stops reading, or aborts `closed`, the program is ended. (runProgram() would hold
 * the whole journal in memory, and never return one that is followed.)
 */
export async function* outputOf(
  [program, ...args]: readonly [string, ...string[]],
  closed?: AbortSignal,
): AsyncGenerator<Buffer> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve)
    const advice = `install ${program}, or specify the logs`
    child.once('error', (error) => reject(new Error(`${errorText(error)}; ${advice}`)))
  })
  ended.catch(() => {}) // awaited below
  closed?.addEventListener('abort', () => child.kill())
  let trouble = ''
  child.stderr.on('data', (bytes: Buffer) => {
    trouble = (trouble + bytes.toString('latin1')).slice(-2000)
  })
  try {
    for await (const chunk of child.stdout) yield chunk
    const code = await ended
    if (code !== 0 && !closed?.aborted)
      throw new Error(trouble.trim().split('\n').at(-1) || `${program} ended: ${code}`)
  } finally {
    child.kill()
  }
}

/** A log, or a part of one. */
export interface LogFile {
  readonly path: string
  /** The time of its last write, in milliseconds since 1970. */
  readonly modified: number
  /** Set if the user named the directory, and so did not choose this file. */
  readonly isFound?: true
  /** The command that prints it, for the journal. */
  readonly command?: readonly [string, ...string[]]
}

/**
 * The name of a file that multilog(8) has closed: `@`, the time of that in TAI64N, `.s` or `.u`.
 */
const CLOSED = /^@[0-9a-f]{24}\.[su]$/

/**
 * Finds the log at a path and returns its files. The path names a file, a directory of multilog(8), or a
 * descriptor that the caller has opened, as a shell does for <(...). The files of a directory are in the
 * order in which they were written. Throws if the path cannot be read.
 */
export function findLog(path: string): LogFile[] {
  if (inheritedDescriptor(path) !== undefined) return [{ path, modified: Date.now() }]
  const status = statusOfLog(path)
  if (!status.isDirectory()) return [{ path, modified: status.mtimeMs }]
  const names = readdirSync(path)
  const files = [...names.filter((name) => CLOSED.test(name)).sort(), 'current']
    .filter((name) => names.includes(name))
    .map((name) => join(path, name))
  if (files.length === 0) {
    throw new Error(`${path}: contains no multilog files (current and @...); specify files`)
  }
  return files.flatMap((file) => {
    try {
      return [{ path: file, modified: statSync(file).mtimeMs, isFound: true }]
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [] // multilog removes the oldest
      return [{ path: file, modified: Date.now(), isFound: true }] // opening it reports the reason
    }
  })
}

/**
 * The end of the name that logrotate(8) gives to a closed file, without and with dateext. Compressed files have a
 * further suffix.
 */
const ROTATED = /^(?:\.\d+|-\d{8})$/

/** Returns the uncompressed files that logrotate has closed of the log at `path`, with lines since `since`, oldest first. */
export function rotatedLogs(path: string, since: number): LogFile[] {
  const log = basename(path)
  const names = attempt(() => readdirSync(dirname(path))) ?? []
  return names
    .filter((name) => name.startsWith(log) && ROTATED.test(name.slice(log.length)))
    .flatMap((name): LogFile[] => {
      const rotated = join(dirname(path), name)
      const status = attempt(() => statSync(rotated))
      if (status === undefined || status.mtimeMs < since) return []
      return [{ path: rotated, modified: status.mtimeMs, isFound: true }]
    })
    .sort((one, other) => one.modified - other.modified)
}

/** The status of what a path leads to. Throws if it leads to nothing, with the remedy. */
function statusOfLog(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'does not exist' : errorTextAt(path, error)
    throw new Error(`${path}: ${reason}; specify a log, or a multilog directory`)
  }
}

/** The files to which syslog writes the lines of mail servers, of the slot and of onescand. */
export const SYSLOG_FILES: readonly string[] = ['/var/log/mail.log', '/var/log/maillog']

/**
 * The directories of the journal of systemd-journald(8), with a subdirectory for each machine: on disk, in
 * memory.
 */
const JOURNALS = ['/var/log/journal', '/run/log/journal']

/**
 * Returns the matches of journalctl(1) that find onescan's lines; + means *or*. They match onescand's unit.
 * For lines written by the account of a service, they also match the mail facility, which the unit sets, or
 * the name under which onescan-queue writes to /dev/log. Facility and name come from the writer, and any user
 * can set them with logger(1). The journal itself adds unit and account.
 */
function journalMatches(): string[] {
  const accounts = serviceAccounts().map((uid) => `_UID=${uid}`)
  const unit = '_SYSTEMD_UNIT=onescand.service'
  if (accounts.length === 0) return [unit]
  return [
    unit,
    '+',
    'SYSLOG_FACILITY=2',
    ...accounts,
    '+',
    'SYSLOG_IDENTIFIER=onescan',
    ...accounts,
  ]
}

/** The accounts of qmail and vpopmail, which often have the numbers of people. */
const MAIL_ACCOUNT = /^(alias|qmail[a-z]|vpopmail)$/

/** The first of the ids that Debian assigns to no service (its policy, 9.2.2). */
const RESERVED_FROM = 65_000

/** Returns the user ids of root and of accounts that belong to a service and not to a person. */
function serviceAccounts(): number[] {
  const accounts = attempt(() => [...passwdEntries()]) ?? []
  const ofServices = accounts.filter(
    ({ name, uid }) => (!isPersonal(uid) && uid < RESERVED_FROM) || MAIL_ACCOUNT.test(name),
  )
  return [...new Set(ofServices.map(({ uid }) => uid))]
}

/** Returns whether this host has a journal. */
export function hasJournal(): boolean {
  return JOURNALS.some((directory) => {
    const entries = attempt(() => readdirSync(directory, { withFileTypes: true })) ?? []
    return entries.some((entry) => entry.isDirectory())
  })
}

/** Returns the journal of this host, from `since` to `until` in milliseconds since 1970. */
export function journal({
  since,
  until,
}: {
  readonly since: number | undefined
  readonly until: number | undefined
}): LogFile {
  const from = since === undefined ? [] : [`--since=@${(since / 1000).toFixed(3)}`]
  const to = until === undefined ? [] : [`--until=@${(until / 1000).toFixed(3)}`]
  const options = ['--quiet', '--no-pager', '--output=short-iso-precise', ...from, ...to]
  const command = ['journalctl', ...options, ...journalMatches()] as const
  return { path: 'the journal', modified: Date.now(), command }
}

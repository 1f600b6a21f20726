import { spawn } from 'node:child_process'
import { closeSync, createReadStream } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorText } from '../../../ground/errors/fault.ts'
import { openFileOrPipe, openForeignFileAt } from '../../../ground/path/open.ts'
import { type PathHandle, walkIn, withPath } from '../../../ground/path/walk.ts'
import { inheritedDescriptor } from '../../../ground/process/descriptors.ts'
import { type LogRecord, readLogLine } from './log-record.ts'
import type { LogFile } from './sources.ts'

/** The most bytes of a line that is read; lines of ours have at most 4,096. */
export const LINE_MAX = 64 * 1024
/** The bytes that are read at once. */
const CHUNK = 256 * 1024

/** How files begin that gzip(1), xz(1) and zstd(1) have compressed. */
const COMPRESSED = /^(?:\x1f\x8b|\xfd7zXZ|\x28\xb5\x2f\xfd)/

interface LogQuery {
  /** Every matching line matches this, too; it spares most lines from being parsed. */
  readonly prefilter: RegExp
  readonly matches: (record: LogRecord) => boolean
  /** Gets a line about each file that cannot be read, or not to its end. */
  readonly warn: (text: string) => void
}

/**
 * Yields the matching records of these logs, one log after the other and each in its own order, those
 * of a chunk at a time.
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
          const record = readLogLine(line, file.modified)
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
      : createReadStream(path, { fd: inherited ?? openLog(file), highWaterMark: CHUNK })
  try {
    yield* linesIn(uncompressed(bytes))
  } catch (error) {
    throw new Error(`${path}: ${errorText(error)}`)
  }
}

/** Passes a log on. Throws if it is compressed: in such bytes no line would be found. */
async function* uncompressed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isStart = true
  for await (const chunk of chunks) {
    if (isStart && COMPRESSED.test(chunk.toString('latin1', 0, 8))) {
      throw new Error('is compressed; onescan(1), EXAMPLES, says how to decompress it')
    }
    isStart = false
    yield chunk
  }
}

/**
 * Opens a log. Of a directory the user did not choose the files, and somebody else may write there, who
 * has fewer rights than the reader of all logs: a link would lead elsewhere, a pipe would keep this process
 * waiting for ever, and a device may have no end. Throws for all three.
 */
function openLog({ path, isFound }: LogFile): number {
  return isFound ? withPath(dirname(path), (place) => openIn(place, path)) : openFileOrPipe(path).fd
}

function openIn(place: PathHandle, path: string): number {
  const handle = walkIn(place, basename(path))
  try {
    return openForeignFileAt(handle, path).fd
  } finally {
    closeSync(handle.fd)
  }
}

/**
 * Cuts bytes that come in any pieces into lines. A line of more than LINE_MAX bytes is left out: so
 * memory stays bounded, whatever a file holds. The last word of a line that has no line end may be
 * cut, and is left out.
 */
export async function* linesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop()!.slice(0, LINE_MAX + 1)
    yield lines.filter((line) => line.length <= LINE_MAX)
  }
  if (rest.length <= LINE_MAX) yield [rest.slice(0, Math.max(0, rest.lastIndexOf(' ')))]
}

/**
 * Runs a program and yields its output. Throws at the end if its exit code is not 0, with the last
 * line of its standard error. If the caller stops reading, the program is ended.
 */
async function* outputOf(command: readonly [string, ...string[]]): AsyncGenerator<Buffer> {
  const [program, ...words] = command
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve)
    const advice = `install ${program}, or name the logs`
    child.once('error', (error) => reject(new Error(`${errorText(error)}; ${advice}`)))
  })
  ended.catch(() => {}) // awaited below
  let trouble = ''
  child.stderr!.on('data', (bytes: Buffer) => {
    trouble = (trouble + bytes.toString('latin1')).slice(-2000)
  })
  try {
    for await (const chunk of child.stdout!) yield chunk as Buffer
    const code = await ended
    if (code !== 0)
      throw new Error(trouble.trim().split('\n').at(-1) || `${program} ended: ${code}`)
  } finally {
    child.kill()
  }
}

import { closeSync, createReadStream, fstatSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { errorText } from '../../ground/errors/fault.ts'
import { inheritedDescriptor, openForeignFileOrPipe } from '../../ground/path/read.ts'
import { feed, readFromProgram } from './read-from-program.ts'
import { openRegularFile } from './regular-file.ts'
import type { LogFile } from './sources.ts'

/** Bytes that are read at once. The records in them are held until they are printed. */
const CHUNK = 128 * 1024

type LogFormat = 'plain' | 'gzip' | 'xz' | 'zstd'

/** The first bytes of each format: RFC 1952, the .xz format, RFC 8878. */
const MAGIC: readonly (readonly [LogFormat, Buffer])[] = [
  ['gzip', Buffer.of(0x1f, 0x8b)],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])],
  ['zstd', Buffer.of(0x28, 0xb5, 0x2f, 0xfd)],
]

/** Is called with the number of bytes of the file that were read since the last call. */
export type ReportProgress = (bytes: number) => void

/**
 * Yields the bytes of a log, decompressed if its first bytes are those of a compressed file,
 * whatever its name. The memory of a chunk is used again for the next one. Throws if the file
 * cannot be read, after the part that could be read.
 */
export async function* logBytes(
  { path: file, isFound, command }: Pick<LogFile, 'path' | 'isFound' | 'command'>,
  advance: ReportProgress = () => {},
): AsyncGenerator<Buffer> {
  if (command !== undefined) {
    yield* readFromProgram(command, 'name the logs', undefined)
    return
  }
  const fd =
    inheritedDescriptor(file) ?? (isFound ? openRegularFile(file) : openForeignFileOrPipe(file).fd)
  const isPlainFile = fstatSync(fd).isFile()
  if (!isPlainFile) {
    // Another process may have set O_NONBLOCK on standard input, so that read(2) fails with EAGAIN.
    const isStdin = fd === 0
    yield* ofStream(
      file,
      isStdin ? process.stdin : createReadStream('', { fd, highWaterMark: CHUNK }),
    )
    return
  }
  try {
    const start = Buffer.alloc(6)
    const form = formOf(start.subarray(0, readSync(fd, start, 0, start.length, 0)))
    if (form === 'plain') yield* readAll(fd, advance)
    else {
      const stream = createReadStream('', { fd, start: 0, autoClose: false, highWaterMark: CHUNK })
      stream.on('data', (chunk) => advance(chunk.length))
      yield* decompressed(file, form, stream)
    }
  } finally {
    if (fd !== 0) closeSync(fd)
  }
}

/**
 * Reads a file into one buffer, again and again: reading is a hundred times faster than parsing.
 */
function* readAll(fd: number, advance: ReportProgress): Generator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  for (let position = 0; ; ) {
    const size = readSync(fd, buffer, 0, CHUNK, position)
    if (size === 0) return
    position += size
    advance(size)
    yield buffer.subarray(0, size)
  }
}

async function* ofStream(file: string, stream: Readable): AsyncGenerator<Buffer> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>
  const first = await chunks.next()
  if (first.done) return
  const form = formOf(first.value)
  const whole = async function* () {
    yield first.value
    yield* chunks
  }
  if (form === 'plain') yield* whole()
  else yield* decompressed(file, form, whole())
}

function formOf(start: Buffer): LogFormat {
  const found = MAGIC.find(([, magic]) => start.subarray(0, magic.length).equals(magic))
  return found ? found[0] : 'plain'
}

async function* decompressed(
  file: string,
  form: Exclude<LogFormat, 'plain'>,
  input: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  try {
    if (form === 'gzip') yield* transformed(zlib.createGunzip({ chunkSize: CHUNK }), input)
    else if (form === 'zstd' && 'createZstdDecompress' in zlib) {
      yield* transformed(zlib.createZstdDecompress({ chunkSize: CHUNK }), input)
    } else {
      // A library is not worth its size here: these programs are on most hosts.
      yield* readFromProgram([form, '-dcq'], `install ${form}, or decompress the file`, input)
    }
  } catch (error) {
    throw new Error(`${file}: ${errorText(error)}`)
  }
}

async function* transformed(
  transform: NodeJS.ReadWriteStream & { destroy(error?: Error): unknown },
  input: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  void feed(transform, input).catch((error) => transform.destroy(error))
  for await (const chunk of transform) yield chunk as Buffer
}

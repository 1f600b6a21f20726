import { closeSync, createReadStream, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openMessage } from '../spool-message.ts'
import { createMboxReader } from './mbox.ts'

/** A file that holds messages. */
export interface Source {
  readonly file: string
  readonly kind: 'message' | 'mbox'
  /** Bytes; 0 where that is not known (a pipe). */
  readonly size: number
}

/** One message of a source; it must be read to its end, or left, before the next is asked for. */
export interface SourceMessage {
  /** The file, and for an mbox the message's number from 1. */
  readonly file: string
  readonly number: number | undefined
  readonly bytes: AsyncIterable<Buffer>
}

/**
 * The files that a path stands for: a Maildir (a directory with new/ and cur/) holds
 * a message in each file, its folders (.NAME/) included; a file that begins with
 * `From ` is an mbox; any other file, or a pipe, is a message. Throws for what is neither.
 */
export function* findSources(path: string): Generator<Source> {
  const status = statSync(path)
  if (status.isDirectory()) {
    yield* findInMaildir(path)
  } else if (status.isFile()) {
    yield { file: path, kind: beginsWithFrom(path) ? 'mbox' : 'message', size: status.size }
  } else if (status.isFIFO()) {
    yield { file: path, kind: 'message', size: 0 }
  } else {
    throw new Error(`${path}: is neither a file nor a Maildir`)
  }
}

function* findInMaildir(directory: string): Generator<Source> {
  const entries = readdirSync(directory, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  if (!names.includes('new') || !names.includes('cur')) {
    throw new Error(`${directory}: is no Maildir, which has new/ and cur/; name files`)
  }
  for (const part of ['new', 'cur']) {
    for (const name of readdirSync(join(directory, part)).sort()) {
      const file = join(directory, part, name)
      const status = statSync(file, { throwIfNoEntry: false })
      // A mail program moves and removes messages while this goes on.
      if (status?.isFile()) yield { file, kind: 'message', size: status.size }
    }
  }
  for (const name of names.sort()) {
    const folder = join(directory, name)
    if (/^\.[^.]/.test(name) && isMaildir(folder)) yield* findInMaildir(folder)
  }
}

function isMaildir(directory: string): boolean {
  const names = readdirSync(directory)
  return names.includes('new') && names.includes('cur')
}

function beginsWithFrom(file: string): boolean {
  const start = Buffer.alloc(5)
  const fd = openSync(file, 'r')
  try {
    return readSync(fd, start) === 5 && start.toString('latin1') === 'From '
  } finally {
    closeSync(fd)
  }
}

/** The messages of a source, one after the other. */
export async function* messagesOf({ file, kind }: Source): AsyncGenerator<SourceMessage> {
  if (kind === 'message') {
    yield { file, number: undefined, bytes: openMessage(file) }
    return
  }
  const pieces = mboxPieces(file)
  let piece = await pieces.next()
  for (let number = 1; !piece.done; number++) {
    const bytes = (async function* () {
      for (;;) {
        piece = await pieces.next()
        if (piece.done || piece.value.kind === 'message') return
        yield piece.value.bytes
      }
    })()
    yield { file, number, bytes }
    for await (const _ of bytes); // what was left of it
  }
}

async function* mboxPieces(file: string) {
  const reader = createMboxReader()
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
    yield* reader.push(chunk)
  }
  yield* reader.finish()
}

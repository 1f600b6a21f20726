import { closeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { attempt, errorCode, errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import { PathHandle } from '../../../base/path/path-handle.ts'
import { inheritedDescriptor } from '../../../base/process/descriptors.ts'
import { type MessageFile, openMessageFile, withRemedy } from '../mail/message-file.ts'

/** Upper limit for nested directories: each is held open, and an owner could create any number. */
const DIRECTORY_DEPTH_MAX = 100

/** The entry of a file, in the directory in which it was found. The caller closes the directory. */
export interface PlacedEntry {
  readonly directory: PathHandle
  /** Bytes, if they are not UTF-8. */
  readonly name: string | Buffer
}

/** A message in a file, and its entry, if it has one: standard input has none. */
export interface PlacedMessage extends MessageFile {
  readonly entry?: PlacedEntry | undefined
}

/** A file or directory that is not read. */
interface UnreadFile {
  readonly file: string
  readonly reason: string
  /**
   * What was not read: a directory, or an argument that may be one; a file that was there a moment ago; one that another
   * attempt may open; or what is not a message.
   */
  readonly is: 'directory' | 'gone' | 'closed' | 'another file'
  readonly entry?: PlacedEntry | undefined
}

export type FoundFile = PlacedMessage | UnreadFile

/** Closes what a found file has open. */
export function closeFound(found: FoundFile): void {
  if ('fd' in found) closeSync(found.fd)
  found.entry?.directory.close()
}

/**
 * Yields the files at these paths, and below directories, after the one with which an earlier scan ended. None is omitted: a
 * link or a device, or a file that cannot be opened, is yielded with the reason. The caller that takes one closes it. Throws
 * a Fault if that earlier file is in none of the paths.
 */
export function* filesFrom(
  paths: readonly string[],
  { after, remedy }: { readonly after: string | undefined; readonly remedy: string | undefined },
): Generator<FoundFile> {
  const isIn = (path: string) =>
    after === path || after?.startsWith(`${path.replace(/(?<!\/)\/+$/, '')}/`)
  const first = after === undefined ? 0 : paths.findIndex(isIn)
  if (first < 0)
    throw new Fault(
      'config',
      `--after ${after}: is in none of the paths; name a file below one of them`,
    )
  for (const [at, path] of paths.entries()) {
    if (at < first) continue
    for (const found of filesAt(path, remedy)) {
      if (after === undefined || at > first || isAfter(found.file, after)) yield found
      else closeFound(found)
    }
  }
}

/**
 * Whether a scan comes to a file after another one, which may be gone: the names of each directory come in descending order
 * of their bytes.
 */
function isAfter(file: string, other: string): boolean {
  const [names, others] = [file.split('/'), other.split('/')]
  const at = names.findIndex((name, index) => name !== others[index])
  return at >= 0 && Buffer.compare(Buffer.from(names[at]!), Buffer.from(others[at] ?? '')) < 0
}

function* filesAt(path: string, remedy: string | undefined): Generator<FoundFile> {
  if (path === '-' || inheritedDescriptor(path) !== undefined) {
    yield openMessageFile(path)
    return
  }
  yield* filesOf(path, 1, {
    find: () => PathHandle.find(path),
    open: () => openMessageFile(path),
    entry: () => ({ directory: PathHandle.find(dirname(path)), name: basename(path) }),
    explain: (error) => withRemedy(error, path, remedy),
    unfound: remedy === undefined ? 'closed' : 'directory',
  })
}

/** How a file is found and opened, and where it is. */
interface Finding {
  readonly find: () => PathHandle
  readonly open: (handle: PathHandle) => MessageFile
  readonly entry: () => PlacedEntry
  readonly explain: (error: unknown) => unknown
  /** What it is if it cannot be found. */
  readonly unfound: UnreadFile['is']
}

/** Yields the file that is found or, for a directory, all files in it and below. */
function* filesOf(
  file: string,
  depth: number,
  { find, open, entry, explain, unfound }: Finding,
): Generator<FoundFile> {
  let handle: PathHandle | undefined
  try {
    handle = find()
    if (handle.stats.isDirectory()) yield* filesIn(handle, file, depth)
    else yield { ...open(handle), entry: attempt(entry) }
  } catch (error) {
    const reason = errorTextAt(file, explain(error))
    const is = handle?.stats.isDirectory() ? 'directory' : kindOfFailure(error, unfound)
    yield { file, reason, is, ...(is === 'gone' && { entry: attempt(entry) }) }
  } finally {
    handle?.close()
  }
}

/** Only errors of the system are of the moment. A link or a FIFO stays one. */
function kindOfFailure(error: unknown, unfound: UnreadFile['is']): UnreadFile['is'] {
  if (errorCode(error) === '') return 'another file'
  return errorCode(error) === 'ENOENT' || unfound === 'directory' ? unfound : 'closed'
}

/**
 * Yields the files of a directory. No link is followed, and no FIFO is opened: the owner may have created any
 * kind of file. The names come in the order in which a message moves in a Maildir: tmp, new, cur, a folder.
 * So a message that a mail reader moves meanwhile is found in its new folder or reported as missing, but
 * never omitted silently.
 */
function* filesIn(directory: PathHandle, shown: string, depth: number): Generator<FoundFile> {
  if (depth > DIRECTORY_DEPTH_MAX)
    throw new Error(`${shown}: is more than ${DIRECTORY_DEPTH_MAX} directories deep`)
  // As text of one byte a character, 50,000 names take 3 MB, and as buffers ten times that.
  const names = directory.byteNames().map((name) => name.toString('latin1'))
  for (const text of names.sort().reverse()) {
    const name = Buffer.from(text, 'latin1')
    const file = join(shown, String(name))
    yield* filesOf(file, depth + 1, {
      find: () => directory.find(name),
      open: (handle) => ({ file, ...handle.open() }),
      entry: () => ({ directory: directory.find('.'), name }),
      explain: (error) => error,
      unfound: 'gone',
    })
  }
}

/** Names are read again after this many times what that took: otherwise each moved file would take as long as all. */
const NAMES_VALID = 10

/** Finds messages of Maildirs that mail readers move, or whose flags they change, while they are scanned. */
export class MovedMessages {
  #place = ''
  #validUntil = 0
  /** The names in a cur/ by their unique parts. */
  #names: ReadonlyMap<string, string> = new Map()
  readonly #found = new Set<string>()

  /** Whether a message was found here before, where it had moved to. */
  has(file: string): boolean {
    return this.#found.has(file)
  }

  /**
   * Opens a message that is no longer at its path, where it is now: in cur/, with the same name up to the colon (maildir(5)).
   * Returns undefined if it is not there.
   */
  find({ file, entry }: Pick<FoundFile, 'file' | 'entry'>): PlacedMessage | undefined {
    const place = dirname(file)
    if (entry === undefined || !/^(?:new|cur)$/.test(basename(place))) return undefined
    const shown = join(dirname(place), 'cur')
    const directory = attempt(() => entry.directory.with('..', (maildir) => maildir.find('cur')))
    if (directory === undefined) return undefined
    if (shown !== this.#place || readUptime() > this.#validUntil) this.#read(directory, shown)
    const name = this.#names.get(uniquePart(basename(file)))
    const now = join(shown, name ?? '')
    const opened =
      name === undefined || now === file
        ? undefined
        : attempt(() => directory.with(name, (handle) => handle.open()))
    if (name === undefined || opened === undefined) {
      directory.close()
      return undefined
    }
    this.#found.add(now)
    return { file: now, entry: { directory, name }, ...opened }
  }

  #read(cur: PathHandle, place: string): void {
    const began = readUptime()
    const names = attempt(() => cur.names()) ?? []
    this.#names = new Map(names.map((name) => [uniquePart(name), name]))
    this.#place = place
    const now = readUptime()
    this.#validUntil = now + NAMES_VALID * (now - began)
  }
}

const uniquePart = (name: string): string => name.replace(/:.*/s, '')

/** Returns the directory of the mailbox of a file: a Maildir has it above `new` and `cur`. */
export function mailboxDirectory(file: string): string {
  const directory = dirname(file)
  return /^(?:new|cur|tmp)$/.test(basename(directory)) ? dirname(directory) : directory
}

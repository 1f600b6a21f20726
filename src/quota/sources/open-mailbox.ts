import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { errorCode } from '../../base/errors/fault.ts'
import { O_PATH } from '../../base/process/descriptors.ts'
import type { MailboxLocation } from './mailbox-location.ts'

/** Flags for a descriptor that only refers to a directory. It needs no right to read it. */
const HANDLE_FLAGS = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** Errors for an entry that does not exist. A link also causes ENOTDIR or ELOOP. */
const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE']

/**
 * Opens the directory of a mailbox, component by component after the fixed part of its path. Users
 * cannot change the fixed part, so that is used as it is. Undefined if the directory does not
 * exist. Rejects if a component is a link.
 */
async function openMailbox({ path, fixed }: MailboxLocation): Promise<Directory | undefined> {
  let directory = new Directory(path.slice(0, fixed))
  for (const name of path.slice(fixed).split('/')) {
    if (name === '') continue
    const parent = directory
    try {
      const next = await parent.open(name)
      if (next === undefined) {
        const stats = await parent.ask(name, (entry) => lstat(entry))
        if (!stats?.isSymbolicLink()) return undefined
        throw new Error(
          `${name} is a link, and links are not followed below ${path.slice(0, fixed)}`,
        )
      }
      directory = next
    } finally {
      await parent.close()
    }
  }
  return directory
}

/** Opens a mailbox as `openMailbox` does, calls `use` with it, and closes it. */
export async function withMailbox<Value>(
  mailbox: MailboxLocation,
  use: (directory: Directory) => Promise<Value>,
): Promise<Value | undefined> {
  const directory = await openMailbox(mailbox)
  try {
    return directory && (await use(directory))
  } finally {
    await directory?.close()
  }
}

/** An open directory. It stays the same directory even if another one gets its name. */
export class Directory {
  readonly #path: string
  /** The path for errors. */
  readonly #shown: string
  readonly #handle: FileHandle | undefined

  constructor(path: string, shown = path, handle?: FileHandle) {
    this.#path = path
    this.#shown = shown
    this.#handle = handle
  }

  /**
   * Calls the file system with the path of an entry. The name '' is the directory itself. Resolves to
   * undefined if the entry does not exist: mail is moved and removed while directories are read. Rejects with
   * other errors.
   */
  async ask<Value>(
    name: string,
    call: (path: string | Buffer) => Promise<Value>,
  ): Promise<Value | undefined> {
    try {
      return await call(pathBytes(name === '' ? this.#path : `${this.#path}/${name}`))
    } catch (error) {
      if (GONE.includes(errorCode(error))) return undefined
      if (error instanceof Error) {
        error.message = error.message.replace(this.#path, () => this.#shown)
      }
      throw error
    }
  }

  /**
   * Opens a directory in this one. Resolves to undefined if there is none, or if it is a link. The owner of
   * the mailbox may have made the link, and it may lead where the owner has no access.
   */
  async open(name: string): Promise<Directory | undefined> {
    const handle = await this.ask(name, (path) => open(path, HANDLE_FLAGS))
    return handle && new Directory(`/proc/self/fd/${handle.fd}`, `${this.#shown}/${name}`, handle)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

/** Encodes a path, whose characters are bytes, for calls of the file system. */
export function pathBytes(path: string): string | Buffer {
  return /^[\0-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1')
}

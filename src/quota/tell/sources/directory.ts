import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { errorCode } from '../../../ground/errors/fault.ts'
import type { MailboxPath } from './mailbox.ts'

/** A directory that stays the same one, whatever is put in the place of its name. */
export interface Directory {
  /**
   * Asks the file system about something in it, or, by the name '', about itself. Undefined
   * where that is not there, or vanishes: mail is moved and removed while it is looked at.
   * Rejects with other errors.
   */
  ask<Value>(
    name: string,
    call: (path: string | Buffer) => Promise<Value>,
  ): Promise<Value | undefined>
  /**
   * Opens a directory in it. Undefined if there is none of that name, or it is a link: its
   * owner may have made it, and it may lead where the owner may not look.
   */
  open(name: string): Promise<Directory | undefined>
  close(): Promise<void>
}

/** open(2): the place alone, for which searching the way to it is enough. Node does not name it. */
const O_PATH = 0o10000000
const PLACE = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** Errors of what is not there; ENOTDIR and ELOOP are a link's, too. */
const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE']

/**
 * The directory of a mailbox, step by step from where links are not followed any more.
 * Undefined if it is not there; rejects if it is a link. In the fixed part, of which it
 * may consist, names are as good as descriptors.
 */
export async function openMailbox({ path, fixed }: MailboxPath): Promise<Directory | undefined> {
  let directory = directoryAt(path.slice(0, fixed))
  for (const name of path.slice(fixed).split('/')) {
    if (name === '') continue
    const parent = directory
    try {
      const next = await parent.open(name)
      if (next === undefined) {
        const stats = await parent.ask(name, (path) => lstat(path))
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

/** What openMailbox gives, while `use` works with it. */
export async function inMailbox<Value>(
  mailbox: MailboxPath,
  use: (directory: Directory) => Promise<Value>,
): Promise<Value | undefined> {
  const directory = await openMailbox(mailbox)
  try {
    return directory && (await use(directory))
  } finally {
    await directory?.close()
  }
}

/** `way` leads to it, and `shown` is what people know it by. */
function directoryAt(way: string, shown = way, close = async () => {}): Directory {
  async function ask<Value>(
    name: string,
    call: (path: string | Buffer) => Promise<Value>,
  ): Promise<Value | undefined> {
    try {
      return await call(pathBytes(name === '' ? way : `${way}/${name}`))
    } catch (error) {
      if (GONE.includes(errorCode(error))) return undefined
      if (error instanceof Error) error.message = error.message.replace(way, () => shown)
      throw error
    }
  }

  return {
    ask,
    async open(name) {
      const handle = await ask(name, (path) => open(path, PLACE))
      if (!handle) return undefined
      return directoryAt(`/proc/self/fd/${handle.fd}`, `${shown}/${name}`, () => handle.close())
    },
    close,
  }
}

/** A path whose characters are bytes, as the file system calls take it. */
export function pathBytes(path: string): string | Buffer {
  return /^[\0-\x7f]*$/.test(path) ? path : Buffer.from(path, 'latin1')
}

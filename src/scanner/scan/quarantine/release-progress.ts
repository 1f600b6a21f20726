import { open, readFile, rename, unlink } from 'node:fs/promises'
import { attempt, errorCode } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { writeWholeInThread } from '../../../base/process/descriptors.ts'
import { openOrMakeFolder, quarantineFault } from './folders.ts'
import { REQUESTS } from './release-requests.ts'

/** The end of the name of a file in REQUESTS: the recipients who have received a message whose release goes on. */
export const GIVEN = '.given'

/**
 * A release in several messages, since a stamp lists few recipients: those who have certainly received the message, so that a
 * release that is interrupted goes on with the others.
 */
export class ReleaseProgress {
  readonly #root: PathHandle
  readonly #id: string

  constructor(root: PathHandle, id: string) {
    this.#root = root
    this.#id = id
  }

  /** Resolves to the recipients, latin1. */
  async read(): Promise<readonly string[]> {
    const text = await this.#within((path) => readFile(path, 'utf8'))
    const given = attempt(() => JSON.parse(text ?? '') as unknown)
    return Array.isArray(given)
      ? given.filter((value): value is string => typeof value === 'string')
      : []
  }

  /** Notes the recipients. When this resolves, that is on the disk. Rejects with a Fault. */
  async note(recipients: readonly string[]): Promise<void> {
    await this.#within(async (path, folder) => {
      const file = await open(`${path}.new`, 'w', 0o600)
      try {
        await writeWholeInThread(file, Buffer.from(JSON.stringify(recipients)))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.new`, path)
      await folder.sync()
    })
  }

  async forget(): Promise<void> {
    await this.#within((path) => unlink(path))
  }

  async #within<Value>(
    use: (path: string, folder: PathHandle) => Promise<Value>,
  ): Promise<Value | undefined> {
    const folder = await openOrMakeFolder(this.#root, REQUESTS)
    try {
      return await use(folder.at(`${this.#id}${GIVEN}`), folder)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw quarantineFault(REQUESTS, error)
    } finally {
      folder.close()
    }
  }
}

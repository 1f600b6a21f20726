import { fillInTurns, makeNamedFile, type NamedFile, withConfirmation } from './named-file.ts'
import type { SpoolPolicy } from './spool-policy.ts'

/** A copy of a message in a file that scanners open by its name. */
export interface NamedCopy {
  /**
   * Returns the absolute path of a file that holds `top`, in place of the header block, and the body.
   * The first call makes the file, in turns of the event loop; later calls must have the same `top`,
   * and get the same file. Rejects with a Fault of kind `temp-file` or `write`, or with an Error if the
   * file was removed; later calls reject in the same way.
   */
  path(top: Buffer): Promise<string>
  /** Whether the file is in SPOOLDIR, where scanners of other users can read it. */
  readonly pathIsShared: boolean
  /**
   * Makes sure that scanners have opened this file. Must be called before the result of a scan by
   * `path()` counts. Throws a Fault of kind `read` if they may have opened another one.
   */
  confirmFile(): void
  /** Removes the file if there is one. If it is being made, no more of the body is read. */
  removeNamedFile(): void
}

/** Makes a copy that scanners see whole or not at all: half a message must never be scanned. */
export function createNamedCopy(policy: SpoolPolicy, body: () => Iterable<Buffer>): NamedCopy {
  let file: NamedFile | undefined // the file, whole or not
  let whole: NamedFile | undefined // the file once it is whole
  let making: Promise<string> | undefined

  function remove(): void {
    file?.remove()
    file = undefined
    whole = undefined
  }

  async function make(top: Buffer): Promise<string> {
    const own = makeNamedFile(policy)
    file = own
    try {
      await fillInTurns(own, top, body(), () => file !== own)
      whole = withConfirmation(own, policy)
      return own.path
    } catch (error) {
      if (file === own) remove()
      throw error
    }
  }

  return {
    async path(top) {
      making ??= make(top)
      const path = await making
      if (whole === undefined) throw new Error('the message is over')
      return path
    },
    pathIsShared: policy.sharedDirectory !== undefined,
    confirmFile: () => whole?.confirm(),
    removeNamedFile: remove,
  }
}

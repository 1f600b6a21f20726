import { fillInTurns, isToBeConfirmed, makeNamedFile, type NamedFile } from './named-file.ts'
import type { SpoolPolicy } from './spool-policy.ts'

/** A file that scanners open by its name, for a message that has none. */
export interface NamedCopy {
  /**
   * Absolute path of a file that holds `top`, in place of the header block, and the body, once all
   * is in it. The file is made at the first call, in turns of the event loop, and only once: later
   * calls must have the same `top`. Rejects with a Fault of kind `temp-file` or `write`, or with an
   * Error if it was removed; later calls reject in the same way.
   */
  path(top: Buffer): Promise<string>
  /** Whether `path()` leads into SPOOLDIR, where scanners of other users can read it. */
  readonly pathIsShared: boolean
  /**
   * Must be called before the result of a scan by `path()` counts. Throws a Fault of kind `read` if
   * scanners may have seen another file there.
   */
  confirmFile(): void
  /** Removes the file, if one was made, or ends its making: nothing of the body is read any more. */
  removeNamedFile(): void
}

/**
 * A copy of `top` and `body`. It appears whole or not at all, since half a message must never be
 * scanned.
 */
export function createNamedCopy(policy: SpoolPolicy, body: () => Iterable<Buffer>): NamedCopy {
  let file: NamedFile | undefined // from the moment on in which it is there
  let whole: NamedFile | undefined
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
      whole = isToBeConfirmed(own, policy)
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

import { copyInTurns, isToBeConfirmed, makeNamedFile, type NamedFile } from './named-file.ts'
import type { SpoolPolicy } from './spool-policy.ts'

/** The file that scanners open by its name, for a message that is none by itself. */
export interface NamedCopy {
  /**
   * Its path, once all is in it. It is made at the first call, in turns of the event loop, and
   * once: later calls must have the same `top`. Rejects with a Fault of kind `temp-file` or
   * `write`, and with an Error if it was removed; who asks later is told the same.
   */
  path(top: Buffer): Promise<string>
  /** As that of a NamedFile; nothing where there is none. */
  confirm(): void
  /** Removes it, and ends its making: nothing of the body is read any more. */
  remove(): void
}

/** A copy of `top` and `body`; half a message must never be scanned. */
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
      await copyInTurns(own, top, body(), () => file !== own)
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
    confirm: () => whole?.confirm(),
    remove,
  }
}

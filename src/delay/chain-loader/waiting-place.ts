import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { Libc } from '../../ground/runtime/libc.ts'

/**
 * A place among those that may wait. It may be given back twice; the end or an exec of the process
 * gives it back, too.
 */
export interface WaitingPlace {
  giveBack(): void
}

/**
 * Takes one of `most` places, each a file in a directory that the waiting process has
 * locked (flock(2)); undefined if all are taken. Throws a Fault if the directory
 * cannot be used.
 */
export function takeWaitingPlace(
  { most, directory }: { readonly most: number; readonly directory: string },
  libc: Libc,
  first: number,
): WaitingPlace | undefined {
  for (let i = 0; i < most; i++) {
    const fd = openLock(join(directory, `place-${(first + i) % most}`))
    if (libc.tryLock(fd)) return { giveBack: once(() => closeSync(fd)) }
    closeSync(fd)
  }
  return undefined
}

function openLock(file: string): number {
  try {
    return openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw new Fault(
      'config',
      `--locks: ${errorText(error)}; the directory must be this user's`,
      error,
    )
  }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}

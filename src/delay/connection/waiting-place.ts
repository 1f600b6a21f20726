import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { System } from '../../ground/runtime/system.ts'

/**
 * One of the places for connections that wait. It is given back by `giveBack`, which may be called
 * twice, and when the process ends or executes another program.
 */
export interface WaitingPlace {
  giveBack(): void
}

/**
 * Takes one of `most` places, or returns undefined if all are taken. A place is a file in the
 * directory that the waiting process has locked (flock(2)); the search begins at number `first`.
 * Throws a Fault if the directory cannot be used.
 */
export function takeWaitingPlace(
  { most, directory }: { readonly most: number; readonly directory: string },
  system: System,
  first: number,
): WaitingPlace | undefined {
  for (let i = 0; i < most; i++) {
    const fd = openLock(join(directory, `place-${(first + i) % most}`))
    if (system.tryLock(fd)) return { giveBack: once(() => closeSync(fd)) }
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

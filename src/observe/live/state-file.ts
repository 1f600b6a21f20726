import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { readOwnFile } from '../../ground/path/read.ts'
import { replaceFile } from '../../ground/path/write.ts'

/** Milliseconds between two writes: as much may be lost if onescand is killed. */
export const WRITE_EVERY = 5 * 60_000

/** What is kept in a file while onescand does not run. */
export interface SavedState {
  readonly file: string
  /** Most bytes of it. */
  readonly max: number
  /** Takes what the file holds, once; not called if there is none. Throws for what it did not write. */
  restore(text: string): void
  /** What the file is to hold. */
  text(): string
  /** Gets a line if that fails, once for each cause. */
  complain(why: string): void
}

export interface StateFile {
  /** Writes what came since the last time. */
  close(): void
}

/**
 * Reads the file at once, and writes it every five minutes and at the end if anything has changed,
 * whole or not at all. What goes wrong is complained of, and costs what is kept alone.
 */
export function openStateFile({ file, max, restore, text, complain }: SavedState): StateFile {
  let complaint = ''
  const attempt = (effect: () => void) => {
    try {
      effect()
      complaint = ''
    } catch (error) {
      const why = errorText(error)
      if (why !== complaint) complain(why)
      complaint = why
    }
  }
  attempt(() => {
    const there = readIfThere(file, max)
    if (there !== undefined) restore(there)
  })
  let written = ''
  const write = () =>
    attempt(() => {
      const now = text()
      if (now === written) return
      replaceFile(file, now)
      written = now
    })
  const timer = setInterval(write, WRITE_EVERY)
  timer.unref()
  return {
    close() {
      clearInterval(timer)
      write()
    },
  }
}

function readIfThere(file: string, max: number): string | undefined {
  try {
    return readOwnFile(file, max).toString('latin1')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

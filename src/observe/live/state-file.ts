import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { readOwnFile } from '../../ground/path/read.ts'
import { replaceFile } from '../../ground/path/write.ts'

/** The milliseconds between two writes; as much is lost if onescand is killed. */
export const WRITE_EVERY = 5 * 60_000

/** A state that a file holds while onescand does not run. */
export interface SavedState {
  readonly file: string
  /** The most bytes of the file. */
  readonly max: number
  /** Takes the text of the file, if there is one. Throws if it is not as `text` makes it. */
  restore(text: string): void
  /** Returns the text that the file has to hold. */
  text(): string
  /** Gets a line if reading or writing fails, once for each cause in a row. */
  complain(why: string): void
}

export interface StateFile {
  /** Writes the file if the state has changed. */
  close(): void
}

/**
 * Reads the file at once. Then writes it every five minutes and at the end, if the state has
 * changed, as a whole or not at all. An error goes to `complain`, and costs nothing but this state.
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
      const current = text()
      if (current === written) return
      replaceFile(file, current)
      written = current
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

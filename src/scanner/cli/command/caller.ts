import { writeSync } from 'node:fs'
import { attempt } from '../../../base/errors/fault.ts'
import { CALLER } from '../../protocol/slot/service-run.ts'

/**
 * The byte that this process writes to standard error while it works for root, and its interval in
 * milliseconds.
 */
export const ALIVE = '\0'
const ALIVE_EVERY = 5_000

/** The user who typed the command, if root delegated the work to this process: root/run-as.ts. */
export const caller: string | undefined = takeCaller()

/** Whether this account may not enter the directory in which root typed the command; it then works in `/`. */
export const isElsewhere: boolean = caller !== undefined && !mayEnter(process.env.PWD)

function takeCaller(): string | undefined {
  const { [CALLER]: who } = process.env
  delete process.env[CALLER]
  // A list of the quarantine waits for a file system in threads: its own lines are its signs of life.
  const [, , command, what] = process.argv
  const printsLines = command === 'quarantine' && what === 'list'
  // Root may read slowly, or have gone.
  if (who !== undefined && !printsLines)
    setInterval(() => attempt(() => writeSync(2, ALIVE)), ALIVE_EVERY).unref()
  return who
}

function mayEnter(directory = '/'): boolean {
  try {
    process.chdir(directory)
    return true
  } catch {
    return false
  }
}

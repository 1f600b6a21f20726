import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Fault } from '../errors/fault.ts'

/** A file, and the offset at which the next program begins to read it. */
export interface ProgramInput {
  readonly fd: number
  readonly offset: number
}

export interface NextProgram {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** The program's descriptors 0 and 1; undefined if it inherits ours, untouched. */
  readonly inputs: readonly [ProgramInput, ProgramInput] | undefined
}

/**
 * Becomes the next program by execve(2), and does not return. No asynchronous file operation may be
 * in flight: it could take the descriptor that is freed here.
 */
export function replaceProcess(next: NextProgram): never {
  if (next.inputs) {
    putAt(0, next.inputs[0])
    putAt(1, next.inputs[1])
  }
  return process.execve!(next.program, [next.program, ...next.args], next.environment)
}

/**
 * Opens a file again at exactly this descriptor, with an offset of its own. open(2) takes the
 * lowest free number, which is the one that was just closed. This is checked: a wrong number would
 * queue the wrong bytes.
 */
function putAt(fd: 0 | 1, { fd: source, offset }: ProgramInput): void {
  const wanted = fstatSync(source)
  closeSync(fd)
  const opened = openSync(`/proc/self/fd/${source}`, 'r')
  const got = fstatSync(opened)
  if (opened !== fd || got.dev !== wanted.dev || got.ino !== wanted.ino) {
    throw new Fault('write', `fd ${fd} could not be put in place`)
  }
  // Neither runtime has lseek(2); reading moves the offset as well.
  const skipped = Buffer.allocUnsafeSlow(Math.min(offset, 1024 * 1024))
  for (let at = 0; at < offset; ) {
    const length = readSync(fd, skipped, 0, Math.min(skipped.length, offset - at), null)
    if (length === 0) throw new Fault('write', `fd ${fd}: the spool file ended early`)
    at += length
  }
}

import { once } from 'node:events'
import { Fault } from '../../../base/errors/fault.ts'

/** Prints what is already safe. Waits for a slow reader, so that output does not pile up. */
export async function writeOut(text: string | Buffer): Promise<void> {
  if (text.length > 0 && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Throws a Fault if the message that --raw prints would go to a terminal, which it could control. */
export function refuseTerminal(): void {
  if (!process.stdout.isTTY) return
  const remedy = 'redirect it to a file, or omit it'
  throw new Fault('config', `--raw: cannot print to a terminal; ${remedy}`)
}

/** Returns whether standard output is a terminal, and its owner did not refuse colours: no-color.org. */
export function showsColours(): boolean {
  return process.stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
}

/** Set for a process that works for root, if root's standard error is a terminal: root/run-as.ts. */
export const AT_TERMINAL = 'ONESCAN_AT_TERMINAL'

const isOfCaller = process.env[AT_TERMINAL] === '1'
delete process.env[AT_TERMINAL]

/** Returns whether a person at a terminal reads the standard error of this process, or that of root for whom it works. */
export const isAtTerminal = (): boolean => process.stderr.isTTY === true || isOfCaller

import { errorText } from '../fault.ts'
import { printable } from './printable.ts'

/** Exit code of every command that was called wrongly or could not do its work; onescan(1). */
export const FAILED = 2

/**
 * Does the work of a command and exits with the code that it returns. Whatever is
 * thrown becomes one line on stderr and FAILED.
 */
export async function runCommand(
  name: string,
  work: () => number | Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await work()
  } catch (error) {
    warn(name, errorText(error))
    process.exitCode = FAILED
  }
}

/** A line for the person at the terminal, beside the command's output. */
export function warn(command: string, text: string): void {
  process.stderr.write(`${printable(`onescan ${command}: ${text}`)}\n`)
}

/** The command's output, made harmless for a terminal. */
export function print(text: string): void {
  process.stdout.write(printable(text))
}

/** Scripts get one value a line. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value)}\n`)
}

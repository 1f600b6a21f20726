import { errorText } from '../../ground/runtime/fault.ts'
import { forTerminal } from './for-terminal.ts'
import { openJsonReport } from './json-report.ts'
import { writeOut } from './write-out.ts'

/** Exit code of every command that was called wrongly or could not do its work; onescan(1). */
export const FAILED = 2

/** Where a command says what it has to say: for people as text, for programs as JSON. */
export interface Output {
  /** Whether a program reads it. */
  readonly json: boolean
  /** For people alone; made harmless for a terminal. */
  text(text: string): void
  /** For programs alone. */
  result(value: object): Promise<void>
  /** What could not be done: a line on stderr, and among the errors for a program. */
  error(text: string): void
  /** How many of what there were, for programs alone. */
  sum(numbers: Readonly<Record<string, number>>): void
}

/**
 * Does the work of a command and exits with the code that it returns. Whatever is
 * thrown becomes one line on stderr and FAILED.
 */
export async function runCommand(
  name: string,
  { json }: { readonly json: boolean },
  work: (output: Output) => number | Promise<number>,
): Promise<void> {
  const report = json ? openJsonReport(name, writeOut) : undefined
  let numbers: Readonly<Record<string, number>> = {}
  const output: Output = {
    json,
    text: (text) => report === undefined && print(text),
    result: async (value) => report?.result(value),
    error(text) {
      report?.error(text)
      warn(name, text)
    },
    sum(these) {
      numbers = these
    },
  }
  let exit = FAILED
  try {
    exit = await work(output)
  } catch (error) {
    output.error(errorText(error))
  }
  await report?.end(exit, numbers)
  process.exitCode = exit
}

/** The words of the command line were wrong: nothing was done. */
export function complainOf(command: string | null, json: boolean, text: string): void {
  process.stderr.write(`${forTerminal(`onescan: ${text}`)}\n`)
  if (!json) return
  const report = openJsonReport(command, writeOut)
  report.error(text)
  void report.end(FAILED, {})
}

/** A line for the person at the terminal, beside the command's output. */
export function warn(command: string, text: string): void {
  process.stderr.write(`${forTerminal(`onescan ${command}: ${text}`)}\n`)
}

/** The command's output, made harmless for a terminal. */
export function print(text: string): void {
  process.stdout.write(forTerminal(text))
}

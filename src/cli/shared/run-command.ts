import { errorText } from '../../ground/errors/fault.ts'
import { forTerminal } from './for-terminal.ts'
import { openJsonReport } from './json-report.ts'
import { writeOut } from './write-out.ts'

/** The exit code of every command that was called wrongly or failed; onescan(1). */
export const FAILED = 2

/** The output of a command: text for people, or JSON for programs. */
export interface Output {
  /** Whether the output is for a program. */
  readonly json: boolean
  /** Prints text for people, made safe for a terminal. */
  text(text: string): void
  /** Prints a result for programs. */
  result(value: object): Promise<void>
  /** Reports what could not be done, on stderr and among the errors of the JSON. */
  error(text: string): void
  /** Sets the numbers that sum up the results, for programs. */
  sum(numbers: Readonly<Record<string, number>>): void
}

/**
 * Does the work of a command, and exits with the code that it returns. An error becomes one line on
 * stderr, and exit code FAILED.
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

/** Reports an error in the command line, before anything was done. */
export function complainOf(command: string | null, json: boolean, text: string): void {
  process.stderr.write(`${forTerminal(`onescan: ${text}`)}\n`)
  if (!json) return
  const report = openJsonReport(command, writeOut)
  report.error(text)
  void report.end(FAILED, {})
}

/** Prints a line for the person at the terminal, beside the command's output. */
export function warn(command: string, text: string): void {
  process.stderr.write(`${forTerminal(`onescan ${command}: ${text}`)}\n`)
}

/** Prints the command's output, made safe for a terminal. */
export function print(text: string): void {
  process.stdout.write(forTerminal(text))
}

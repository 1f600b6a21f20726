import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs'
import packageJson from '../../../../package.json' with { type: 'json' }
import { errorText } from '../../../base/errors/fault.ts'
import { harmlessText } from '../../../base/text/harmless.ts'
import { writeOut } from './terminal.ts'

/** The exit code of every command that was used wrongly or failed; onescan(1). */
export const FAILED = 2

/** The values of a command's options. */
export type Arguments<Builder> = Builder extends (yargs: Argv<object>) => Argv<infer Options>
  ? ArgumentsCamelCase<Options>
  : never

/** Takes the place of the work of a command, if another process does it. */
let elsewhere: DoElsewhere | undefined

/** Has another process do the work of a command with these arguments. Returns undefined if this process does it. */
type DoElsewhere = (args: ArgumentsCamelCase) => Promise<void> | undefined

/** Has `work` asked who does the work of the command, once the command line is known to be right. */
export function doElsewhere(work: DoElsewhere): void {
  elsewhere = work
}

/** Returns a command of this name. Its work receives the option values, and returns the exit code. */
export function makeCommand<Options extends { readonly json: boolean }>(
  name: string,
  definition: {
    /** Its usage, in the form of yargs: `scan <files..>`. */
    readonly command: string
    readonly describe: string
    /** Whether --json prints a line for each result, and one at the end, because the work may take hours. */
    readonly printsLines?: true
    readonly builder: (yargs: Argv<object>) => Argv<Options>
    readonly work: (args: ArgumentsCamelCase<Options>, output: Output) => number | Promise<number>
  },
): CommandModule<object, Options> {
  const { work, printsLines, ...module } = definition
  return {
    ...module,
    handler: (args) => {
      const output = new Output(name, printsLines && args.json ? 'lines' : args.json)
      return elsewhere?.(args) ?? runWith(output, () => work(args, output))
    },
  }
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
  const output = new Output(name, json)
  await runWith(output, () => work(output))
}

async function runWith(output: Output, work: () => number | Promise<number>): Promise<void> {
  let exit = FAILED
  try {
    exit = await work()
  } catch (error) {
    output.error(errorText(error))
  }
  await output.end(exit)
  process.exitCode = exit
}

/** Reports an error in the command line, before anything was done. `command` is null if it is none. */
export function reportUsageError(command: string | null, printsJson: boolean, text: string): void {
  const output = new Output(command, printsJson)
  output.error(text, 'onescan')
  void output.end(FAILED)
}

/**
 * The output of a command: text for people, or JSON for programs. With --json that is one object that always
 * has the same members (onescan(1), OPTIONS; doc/onescan.schema.json). Results are printed as they arrive,
 * one a line, so there may be any number of them. If a command dies during its work, the JSON is incomplete.
 * A command of `lines` prints each result as a JSON object, and an object without results as its last line: what was printed
 * stays valid if the command dies.
 */
export class Output {
  /** Whether the output is for a program. */
  readonly printsJson: boolean
  readonly #command: string | null
  readonly #printsLines: boolean
  readonly #errors: string[] = []
  #results = 0
  #numbers: Readonly<Record<string, number>> = {}

  /** `command` is the text after `onescan`, or null if that is not a command. */
  constructor(command: string | null, json: boolean | 'lines') {
    this.#command = command
    this.#printsLines = json === 'lines'
    this.printsJson = json !== false
  }

  /** Prints text for people, made safe for a terminal. */
  text(text: string): void {
    if (!this.printsJson) process.stdout.write(harmlessText(text))
  }

  /** Prints a line for people that is safe for a terminal already. */
  safeLine(line: string): void {
    if (!this.printsJson) process.stdout.write(`${line}\n`)
  }

  /** Prints a result for programs. */
  async result(value: object): Promise<void> {
    if (!this.printsJson) return
    if (this.#printsLines) return writeOut(harmlessText(`${JSON.stringify(value)}\n`))
    const before = this.#results++ === 0 ? `${this.#head()},"results":[` : ','
    await writeOut(harmlessText(`${before}\n${JSON.stringify(value)}`))
  }

  /** Prints a line for the person at the terminal, beside the command's output. */
  warn(text: string, who = `onescan ${this.#command}`): void {
    process.stderr.write(`${harmlessText(`${who}: ${text}`)}\n`)
  }

  /** Reports what could not be done, on stderr and among the errors of the JSON. */
  error(text: string, who?: string): void {
    this.#errors.push(text)
    this.warn(text, who)
  }

  /** Whether a part of the work failed. */
  get hasErrors(): boolean {
    return this.#errors.length > 0
  }

  /** Sets the numbers that sum up the results, for programs. */
  sum(numbers: Readonly<Record<string, number>>): void {
    this.#numbers = numbers
  }

  /** Prints the last line of the JSON: errors, numbers, and the exit code. Call it once. */
  async end(exit: number): Promise<void> {
    if (!this.printsJson) return
    const none = this.#printsLines ? '' : ',"results":[]'
    const before = this.#results === 0 ? `${this.#head()}${none}` : '\n]'
    const [errors, sum] = [this.#errors, this.#numbers]
    const rest = JSON.stringify({ errors, sum, exit, ok: exit === 0 }).slice(1)
    await writeOut(harmlessText(`${before},${rest}\n`))
  }

  #head(): string {
    const { version } = packageJson
    return JSON.stringify({ command: this.#command, version }).slice(0, -1)
  }
}

import about from '../../../package.json' with { type: 'json' }
import { forTerminal } from './for-terminal.ts'

/**
 * The output of a command with --json: one object with always the same members (onescan(1), "JSON";
 * doc/onescan.schema.json). Results are printed as they come, one a line, so there may be any number
 * of them. If a command dies during its work, the JSON does not end.
 */
export interface JsonReport {
  result(value: object): Promise<void>
  /** Adds something that could not be done to the errors. */
  error(text: string): void
  /** Prints the last line, once: the exit code, and the numbers of what was found. */
  end(exit: number, sum: Readonly<Record<string, number>>): Promise<void>
}

/** Begins a report. `command` is the word after `onescan`; null if that is not a command. */
export function openJsonReport(
  command: string | null,
  write: (text: string) => Promise<void>,
): JsonReport {
  const head = `${JSON.stringify({ command, version: about.version }).slice(0, -1)},"results":[`
  const errors: string[] = []
  let results = 0
  return {
    result(value) {
      const before = results++ === 0 ? head : ','
      return write(forTerminal(`${before}\n${JSON.stringify(value)}`))
    },
    error(text) {
      errors.push(text)
    },
    end(exit, sum) {
      const before = results === 0 ? `${head}]` : '\n]'
      const rest = JSON.stringify({ errors, sum, exit, ok: exit === 0 }).slice(1)
      return write(forTerminal(`${before},${rest}\n`))
    },
  }
}

import { replaceUnprintable } from '../log/line-format.ts'
import { serviceExit } from '../process/command-line.ts'
import { writeWhole } from '../process/descriptors.ts'
import { type CheckLine, hasMark, inOneLine } from './check-line.ts'

/**
 * Writes the check lines of `--check` to descriptor 1 as they arrive, one line each. With `--json`, for
 * `onescan check`, a line is a CheckLine in JSON. Resolves to all check lines. Rejects with a system error if that
 * descriptor cannot be written to.
 */
export async function printCheck(
  checkLines: AsyncIterable<CheckLine> | Iterable<CheckLine>,
  printsJson: boolean,
): Promise<CheckLine[]> {
  const printed: CheckLine[] = []
  for await (const checkLine of checkLines) {
    printed.push(checkLine)
    const line = printsJson ? JSON.stringify(checkLine) : formatLine(checkLine)
    writeWhole(1, Buffer.from(`${line}\n`))
  }
  return printed
}

/** `error: settings: SCANTIMEOUT="soon": must be a whole number; correct this setting` */
const formatLine = (checkLine: CheckLine): string =>
  replaceUnprintable(`${checkLine.level}: ${inOneLine(checkLine)}`)

/** The exit code of a start about which `--check` has found this. */
export function codeOfStart(checkLines: readonly CheckLine[]): number {
  return checkLines.some((checkLine) => hasMark(checkLine, 'stops the start'))
    ? serviceExit.temporary
    : serviceExit.done
}

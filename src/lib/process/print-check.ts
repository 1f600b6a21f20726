import { type Finding, hasMark, inOneLine } from '../errors/finding.ts'
import { replaceUnprintable } from '../log/line-format.ts'
import { serviceExit } from './command-line.ts'
import { writeWhole } from './descriptors.ts'

/**
 * Writes the findings of `--check` to descriptor 1 as they arrive, one line each. With `--json`, for
 * `onescan check`, a line is a Finding in JSON. Resolves to all findings. Rejects with a system error if that
 * descriptor cannot be written to.
 */
export async function printCheck(
  findings: AsyncIterable<Finding> | Iterable<Finding>,
  asJson: boolean,
): Promise<Finding[]> {
  const printed: Finding[] = []
  for await (const finding of findings) {
    printed.push(finding)
    const line = asJson ? JSON.stringify(finding) : checkLine(finding)
    writeWhole(1, Buffer.from(`${line}\n`))
  }
  return printed
}

/** `error: settings: SCANTIMEOUT soon: must be a number; fix this setting` */
const checkLine = (finding: Finding): string =>
  replaceUnprintable(`${finding.level}: ${inOneLine(finding)}`)

/** The exit code of a start about which `--check` has found this. */
export function codeOfStart(findings: readonly Finding[]): number {
  return findings.some((finding) => hasMark(finding, 'stops the start'))
    ? serviceExit.temporary
    : serviceExit.done
}

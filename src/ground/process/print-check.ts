import type { Finding } from '../errors/finding.ts'
import { replaceUnprintable } from '../errors/replace-unprintable.ts'
import { exitCode } from './exit-codes.ts'
import { writeWhole } from './write-whole.ts'

/**
 * Writes what `--check` finds to descriptor 1 as it comes, a line each; as JSON (`--json`, for `onescan
 * check`) a line is a Finding. Resolves with all of it. Rejects with a system error if that descriptor
 * cannot be written to.
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

/** `error: settings: SCANTIMEOUT soon: must be a number; correct it` */
function checkLine({ level, what, value, remedy }: Finding): string {
  const text = remedy === undefined ? value : `${value}; ${remedy}`
  return replaceUnprintable(`${level}: ${what}: ${text}`)
}

/** The exit code of a start of which `--check` has found this. */
export function codeOfStart(findings: readonly Finding[]): number {
  return findings.some(({ mark }) => mark === 'stops the start')
    ? exitCode.temporary
    : exitCode.done
}

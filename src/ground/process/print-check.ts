import type { Finding } from '../errors/finding.ts'
import { replaceUnprintable } from '../errors/replace-unprintable.ts'
import { exitCode } from './exit-codes.ts'
import { writeWhole } from './write-whole.ts'

const LEVELS = ['ok', 'warning', 'error'] as const

/**
 * Writes what `--check` has found to descriptor 1, a line each, the worst last; as JSON (`--json`,
 * for `onescan check`) a line is a Finding. Throws a system error if that descriptor cannot be
 * written to.
 */
export function printCheck(findings: readonly Finding[], asJson: boolean): void {
  const lines = asJson
    ? findings.map((finding) => JSON.stringify(finding))
    : LEVELS.flatMap((rank) => findings.filter(({ level }) => level === rank)).map(checkLine)
  writeWhole(1, Buffer.from(lines.map((line) => `${line}\n`).join('')))
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

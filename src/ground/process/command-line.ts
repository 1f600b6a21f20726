import about from '../../../package.json' with { type: 'json' }
import { type Finding, inOneLine } from '../errors/finding.ts'
import { replaceUnprintable } from '../errors/log.ts'
import { writeWhole } from './descriptors.ts'

/** Whether a command line asks for `--help` or `--version` and nothing else. */
export function asksForHelpOrVersion(words: readonly string[]): boolean {
  return words.length === 1 && ['--help', '-h', '--version'].includes(words[0]!)
}

/**
 * Writes the version or the usage to descriptor 1. Throws a system error if that descriptor cannot
 * be written to. In the slot, descriptor 1 is the envelope and open for reading; to end with
 * success there would mean that mail was queued.
 */
export function printHelpOrVersion(program: string, usage: string, words: readonly string[]): void {
  const text = words[0] === '--version' ? `${program} ${about.version}\n` : usage
  writeWhole(1, Buffer.from(text))
}

/**
 * The exit codes of programs that a supervisor or tcpserver(1) starts: a temporary failure, and a
 * wrong command line, which is permanent.
 */
export const exit = { done: 0, usage: 100, temporary: 111 } as const

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
const checkLine = (finding: Finding): string =>
  replaceUnprintable(`${finding.level}: ${inOneLine(finding)}`)

/** The exit code of a start of which `--check` has found this. */
export function codeOfStart(findings: readonly Finding[]): number {
  return findings.some(({ mark }) => mark === 'stops the start') ? exit.temporary : exit.done
}

import about from '../../../package.json' with { type: 'json' }
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
export const serviceExit = { done: 0, usage: 100, temporary: 111 } as const

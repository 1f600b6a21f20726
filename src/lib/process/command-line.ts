import about from '../../../package.json' with { type: 'json' }
import { writeWhole } from './descriptors.ts'

/**
 * Writes the text for `--help` or `--version` to descriptor 1 and returns true, if the command line has that
 * option alone. Throws a system error if that descriptor cannot be written to. In onescan-queue, descriptor 1
 * is the envelope and open for reading; success there would mean that mail was queued.
 */
export function printsHelpOrVersion(
  program: string,
  usage: string,
  args: readonly string[],
): boolean {
  if (args.length !== 1 || !['--help', '-h', '--version'].includes(args[0]!)) return false
  const text = args[0] === '--version' ? `${program} ${about.version}\n` : usage
  writeWhole(1, Buffer.from(text))
  return true
}

/**
 * The exit codes of programs that a supervisor or tcpserver(1) starts: a temporary failure, and a
 * wrong command line, which is permanent.
 */
export const serviceExit = { done: 0, usage: 100, temporary: 111 } as const

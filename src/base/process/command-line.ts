import { printedVersion } from '../text/version.ts'
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
  const text = args[0] === '--version' ? `${program} ${printedVersion}\n` : usage
  writeWhole(1, Buffer.from(text))
  return true
}

/**
 * The exit codes of programs that a supervisor or tcpserver(1) starts: a temporary failure, and a
 * wrong command line, which is permanent.
 */
export const serviceExit = { done: 0, usage: 100, temporary: 111 } as const

/** The exit code of a command that was interrupted. */
const INTERRUPTED = 2

/** The signals by which a person, a service manager or a closed terminal ends a program. */
export const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `cleanUp` and ends the process if a signal interrupts it, until the function is called that this
 * returns.
 */
export function whenInterrupted(cleanUp: () => void): () => void {
  const end = () => {
    cleanUp()
    process.exit(INTERRUPTED)
  }
  for (const signal of ENDING_SIGNALS) process.once(signal, end)
  return () => {
    for (const signal of ENDING_SIGNALS) process.off(signal, end)
  }
}

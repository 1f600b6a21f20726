import { endingText, runProgram } from '../../../../base/process/run-program.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { mailProgramEnv } from '../../../protocol/smtp/sendmail-program.ts'
import { reader } from '../../root/check-accounts.ts'
import { commandAs } from '../../root/run-as.ts'

/** Milliseconds that a program may take to print a configuration. A busy host takes seconds. */
const TIMEOUT = 30_000

/**
 * Runs a program of a mail server that prints its configuration; for root, under the account that reads for
 * root, with more groups for this program alone. Resolves to its standard output. Rejects if it takes longer than `within` milliseconds, and with what it printed to
 * standard error if it fails.
 */
export async function askProgram(
  command: readonly [string, ...string[]],
  within = TIMEOUT,
  groups: readonly string[] = [],
): Promise<string> {
  const ended = await runProgram({
    command: process.getuid!() === 0 ? commandAs(reader(undefined, groups), command) : command,
    env: mailProgramEnv,
    cwd: '/',
    within,
  })
  const { code, output, complaint, exceeded } = ended
  if (exceeded === 'time')
    throw new Error(`${command[0]} did not end within ${formatDuration(within)}`)
  if (code === 0) return output.toString()
  throw new Error(complaint.trim() || `${command[0]} ${endingText(ended)}`)
}

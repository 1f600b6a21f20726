import { runProgram } from '../../../../base/process/run-program.ts'
import { mailProgramEnv } from '../../../protocol/smtp/sendmail-program.ts'

/** The last line of the list that Postfix and Sendmail print. */
const TOTAL = /^-- \d+ Kbytes in (\d+) Requests?\.$|^[ \t]*Total requests: (\d+)$/m
/** Milliseconds for the list. */
const TIMEOUT = 10_000

/**
 * Resolves to the number of messages in the queue of the mail server with this sendmail(1), or undefined if it does not report
 * that to this account, as Exim does not.
 */
export async function queueLength(program: string): Promise<number | undefined> {
  const run = runProgram({ command: [program, '-bp'], env: mailProgramEnv, within: TIMEOUT })
  const ended = await run.catch(() => undefined)
  const [, ...totals] = TOTAL.exec(ended?.output.toString('latin1') ?? '') ?? []
  const total = totals.find(Boolean)
  return total === undefined ? undefined : Number(total)
}

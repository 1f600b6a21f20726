import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { reader } from '../../host/accounts.ts'
import { commandAs } from '../../root/run-as.ts'

const run = promisify(execFile)
/** Milliseconds that a program may take to print a configuration. A busy host takes seconds. */
const TIMEOUT = 30_000

/**
 * Runs a program of a mail server that prints its configuration; for root, under the account that reads for
 * root. Resolves to its standard output. Rejects if it takes longer than `timeout` milliseconds. If it fails,
 * rejects with the error of execFile(), which has its standard error as `stderr`.
 */
export async function askProgram(
  command: readonly [string, ...string[]],
  timeout = TIMEOUT,
): Promise<string> {
  const [program, ...args] = process.getuid!() === 0 ? commandAs(reader(), command) : command
  const options = {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    cwd: '/',
    timeout,
    // unshare(1) holds SIGTERM back: the program would end with code 0, and what it printed would be lost.
    killSignal: 'SIGKILL',
  } as const
  try {
    const { stdout } = await run(program, args, options)
    return stdout
  } catch (error) {
    if (!(error as { killed?: boolean }).killed) throw error
    throw new Error(`${command[0]} did not end within ${timeout / 1000} s`)
  }
}

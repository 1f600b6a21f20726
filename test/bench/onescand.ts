import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { untilListening } from '../programs/server.ts'

/** An onescand of the run's own. */
export interface Onescand {
  readonly pid: number
  readonly socket: string
  stop(): Promise<void>
}

/**
 * Starts onescand with standard options, and these, under this environment; resolves when it takes
 * connections. Its stderr goes to `NAME.log` in the directory.
 */
export async function startOnescand(
  program: string,
  name: string,
  directory: string,
  environment: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<Onescand> {
  const socket = join(directory, `${name}.sock`)
  const log = openSync(join(directory, `${name}.log`), 'a')
  const child = spawn(program, ['--socket', socket, ...options], {
    env: environment,
    stdio: ['ignore', 'ignore', log],
  })
  closeSync(log)
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async () => {
    process.removeListener('exit', kill)
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    }
  }
  try {
    await once(child, 'spawn')
    await untilListening({ path: socket }, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid!, socket, stop }
}

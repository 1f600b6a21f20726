import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** A warm engine of the run's own. */
export interface Onescand {
  readonly pid: number
  readonly socket: string
  stop(): Promise<void>
}

/** Milliseconds for it to listen. */
const START = 20_000

/**
 * Starts onescand with standard options and `words` under this environment; resolves when
 * it takes connections. Its stderr goes to `NAME.log` in the directory.
 */
export async function startOnescand(
  program: string,
  name: string,
  directory: string,
  environment: Readonly<Record<string, string>>,
  words: readonly string[] = [],
): Promise<Onescand> {
  const socket = join(directory, `${name}.sock`)
  const log = openSync(join(directory, `${name}.log`), 'a')
  const child = spawn(program, ['--socket', socket, ...words], {
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
    await untilListening(child, socket)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid!, socket, stop }
}

/** Asked again and again: it tells only a service manager when it is ready. */
async function untilListening(child: ChildProcess, socket: string): Promise<void> {
  const deadline = performance.now() + START
  while (!(await takesConnections(socket))) {
    if (child.exitCode !== null) throw new Error(`onescand ended with ${child.exitCode}`)
    if (performance.now() > deadline) throw new Error(`onescand does not listen at ${socket}`)
    await wait(50)
  }
}

async function takesConnections(socket: string): Promise<boolean> {
  const connection = connect(socket)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}

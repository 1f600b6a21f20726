import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

/** What a program needs of tap's test object: it ends with the test. */
export interface Ending {
  teardown(stop: () => unknown): void
}

/** For programs that are no tests: they stop by themselves what they start. */
export const noTest: Ending = { teardown() {} }

export interface Server {
  readonly pid: number
  /** What it has written so far, a line each. */
  readonly log: readonly string[]
  /** Resolves when it writes such a line, which it has not yet. Rejects if it ends before. */
  says(line: RegExp): Promise<void>
  /** Ends it and waits for that. May be called again. */
  stop(): Promise<void>
}

/**
 * Starts a real server, which `signal` ends. Resolves when it takes connections at `ready`, or writes a line
 * that matches. Rejects with what it has written if it ends before.
 */
export async function startServer(
  [program, ...words]: readonly string[],
  ready: NetConnectOpts | RegExp,
  {
    signal = 'SIGTERM',
    ...options
  }: {
    readonly signal?: NodeJS.Signals
    readonly env?: NodeJS.ProcessEnv
    readonly cwd?: string
  } = {},
): Promise<Server> {
  const child = spawn(program!, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit').catch(() => {})
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill) // a test that fails badly leaves none behind
  const stop = async () => {
    process.removeListener('exit', kill)
    child.kill(signal)
    await ended
    for (const output of [child.stdout, child.stderr]) output.destroy() // others may have them, too
  }
  const log: string[] = []
  const outputs = [child.stdout, child.stderr].map((input) => createInterface({ input }))
  for (const output of outputs) output.on('line', (line) => log.push(line))
  const says = (wanted: RegExp) =>
    new Promise<void>((resolve, reject) => {
      for (const output of outputs) output.on('line', (line) => wanted.test(line) && resolve())
      child.once('exit', (code, signal) => reject(new Error(`it ended with ${signal ?? code}`)))
    })
  try {
    await once(child, 'spawn')
    await (ready instanceof RegExp ? says(ready) : untilListening(ready, child))
  } catch (error) {
    await stop()
    throw new Error(`${program}: ${error}\n${log.join('\n')}`)
  }
  return { pid: child.pid!, log, says, stop }
}

/** Milliseconds for a server to start. */
const START = 60_000

/**
 * Resolves when a server takes connections, for servers that do not say when they are ready: it is
 * tried again and again. Rejects if the server ends before.
 */
export async function untilListening(where: NetConnectOpts, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + START
  while (!(await takesConnections(where))) {
    const end = server.exitCode ?? server.signalCode
    if (end !== null) throw new Error(`${server.spawnfile} ended with ${end}`)
    if (performance.now() > deadline) throw new Error(`${server.spawnfile} does not listen`)
    await wait(20)
  }
}

async function takesConnections(where: NetConnectOpts): Promise<boolean> {
  const connection = connect(where)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}

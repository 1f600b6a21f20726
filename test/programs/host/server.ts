import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { atExit } from './at-exit.ts'

/** What a program needs of tap's test object: it ends with the test. */
export interface Ending {
  teardown(stop: () => unknown): void
}

/** For programs that are not tests: what they started ends when the work has ended, the last of it first. */
export async function withEnding<Result>(work: (t: Ending) => Promise<Result>): Promise<Result> {
  const stops: (() => unknown)[] = []
  try {
    return await work({ teardown: (stop) => void stops.unshift(stop) })
  } finally {
    for (const stop of stops) await stop()
  }
}

export interface Server {
  readonly pid: number
  /** What it has written so far, a line each. */
  readonly log: readonly string[]
  /** Resolves to the first such line that it has written, or will. Rejects if it ends before. */
  logged(line: RegExp): Promise<string>
  /** Ends it, and resolves to how it ended. May be called again. */
  stop(...signals: readonly NodeJS.Signals[]): Promise<number | NodeJS.Signals | undefined>
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
  const ended = once(child, 'exit').then(
    ([code, signal]): number | NodeJS.Signals => code ?? signal,
    () => undefined,
  )
  const withdraw = atExit(() => child.kill('SIGKILL')) // a test that fails badly leaves none behind
  const stop: Server['stop'] = async (...signals) => {
    withdraw()
    for (const each of signals.length > 0 ? signals : [signal]) child.kill(each)
    const how = await ended
    for (const output of [child.stdout, child.stderr]) output.destroy() // others may have them, too
    return how
  }
  const log: string[] = []
  const outputs = [child.stdout, child.stderr].map((input) => createInterface({ input }))
  for (const output of outputs) output.on('line', (line) => log.push(line))
  const logged = (wanted: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const found = log.find((line) => wanted.test(line))
      if (found !== undefined) resolve(found)
      for (const output of outputs) output.on('line', (line) => wanted.test(line) && resolve(line))
      ended.then((how) => reject(new Error(`it ended with ${how}`)))
    })
  try {
    await once(child, 'spawn')
    await (ready instanceof RegExp ? logged(ready) : untilListening(ready, child))
  } catch (error) {
    await stop()
    throw new Error(`${program}: ${error}\n${log.join('\n')}`)
  }
  return { pid: child.pid!, log, logged, stop }
}

/** Milliseconds for a server to start. */
const START = 180_000

/**
 * Resolves when a server takes connections, for servers that do not report when they are ready: it is
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

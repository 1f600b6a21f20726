import { type ChildProcess, spawn } from 'node:child_process'
import { ownChild } from '../../runtime/own-children.ts'

export interface Crew {
  /** Resolves when each of them serves; rejects where one ends before. */
  readonly ready: Promise<void>
  reload(): void
  report(): void
  /** Resolves when all of them have ended. */
  stop(): Promise<void>
}

export interface CrewOptions {
  readonly count: number
  /** How to run this very program once more, as a worker. */
  readonly command: readonly [string, ...string[]]
  /** Descriptors of the sockets that all of them listen on. */
  readonly fds: readonly number[]
  /** Milliseconds for what is in flight; KILL follows a little later. */
  readonly grace: number
  readonly log: (line: string) => void
}

/** Milliseconds before one that ended by itself is replaced. */
const REPLACE_AFTER = 1000
/** Milliseconds beyond the grace. */
const KILL_AFTER = 3000

/** What is said to a worker on its channel; that the channel closes means `stop`. */
export type Order = 'reload' | 'report' | 'stop'
/** What a worker says: it listens. */
export const SERVING = 'serving'

/** Processes that share listening sockets, so that whoever is idle takes the next connection. */
export function startCrew(options: CrewOptions): Crew {
  const { count, command, fds, log } = options
  const [program, ...words] = command
  const members = new Set<ChildProcess>()
  const timers = new Set<NodeJS.Timeout>()
  let stopping = false
  let emptied = () => {}

  function hire(): Promise<void> {
    // From descriptor 3 on: FIRST_HANDED_OVER.
    const child = ownChild(
      spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit', ...fds, 'ipc'] }),
    )
    members.add(child)
    return new Promise((resolve, reject) => {
      child.once('message', () => resolve())
      child.on('error', reject)
      child.once('exit', (code, signal) => {
        members.delete(child)
        reject(new Error(`worker ${child.pid} ended with ${signal ?? code}`))
        if (stopping) return members.size === 0 ? emptied() : undefined
        log(`worker ${child.pid} ended with ${signal ?? code}; another one takes its place`)
        const timer = setTimeout(() => {
          timers.delete(timer)
          hire().catch((error) => log(error.message))
        }, REPLACE_AFTER)
        timers.add(timer)
      })
    })
  }

  function order(what: Order): void {
    for (const child of members) if (child.connected) child.send(what)
  }

  const ready = Promise.all(Array.from({ length: count }, hire)).then(() => {})
  return {
    ready,
    reload: () => order('reload'),
    report: () => order('report'),
    stop() {
      stopping = true
      for (const timer of timers) clearTimeout(timer)
      order('stop')
      return new Promise((resolve) => {
        const killer = setTimeout(() => {
          for (const child of members) child.kill('SIGKILL')
        }, options.grace + KILL_AFTER)
        emptied = () => {
          clearTimeout(killer)
          resolve()
        }
        if (members.size === 0) emptied()
      })
    },
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { ownChild } from '../../runtime/own-children.ts'
import { type HostMemory, type HostWords, isHostWords } from '../../verdicts/host-memory.ts'

export interface Workers {
  /** Resolves when each of them serves; rejects if one ends before. */
  readonly ready: Promise<void>
  reload(): void
  report(): void
  /** Resolves when all of them have ended. */
  stop(): Promise<void>
}

export interface WorkersOptions {
  readonly count: number
  /** How to run this very program once more, as a worker. */
  readonly command: readonly [string, ...string[]]
  /** Descriptors of the sockets that all of them listen on. */
  readonly fds: readonly number[]
  /** Milliseconds for what is in flight; KILL follows a little later. */
  readonly grace: number
  readonly log: (line: string) => void
  /** What a worker says beside that it serves. */
  readonly heard?: ((worker: number, message: unknown) => void) | undefined
  /** What all of them know, this process included. */
  readonly memory: HostMemory
}

/** Milliseconds before one that ended by itself is replaced. */
const REPLACE_AFTER = 1000
/** Milliseconds beyond the grace. */
const KILL_AFTER = 3000

/** What is said to a worker on its channel; that the channel closes means `stop`. */
export type Order = 'reload' | 'report' | 'stop'
/** What a worker says: it listens. */
export const SERVING = 'serving'

/** Processes that share listening sockets, so that an idle one takes the next connection. */
export function startWorkers(options: WorkersOptions): Workers {
  const { count, command, fds, log, memory } = options
  const [program, ...words] = command
  const children = new Set<ChildProcess>()
  const timers = new Set<NodeJS.Timeout>()
  let stopping = false
  let emptied = () => {}

  function startWorker(): Promise<void> {
    // From descriptor 3 on: FIRST_HANDED_OVER.
    const child = ownChild(
      spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit', ...fds, 'ipc'] }),
    )
    children.add(child)
    tell(child, memory.welcome())
    return new Promise((resolve, reject) => {
      child.on('message', (message) => {
        if (message === SERVING) resolve()
        else if (isHostWords(message)) {
          memory.hear(message)
          tellAll(message, child)
        } else options.heard?.(child.pid!, message)
      })
      child.on('error', reject)
      child.once('exit', (code, signal) => {
        children.delete(child)
        tellAll(memory.farewell(child.pid ?? 0))
        reject(new Error(`worker ${child.pid} ended with ${signal ?? code}`))
        if (stopping) return children.size === 0 ? emptied() : undefined
        log(`worker ${child.pid} ended with ${signal ?? code}; another one takes its place`)
        const timer = setTimeout(() => {
          timers.delete(timer)
          startWorker().catch((error) => log(error.message))
        }, REPLACE_AFTER)
        timers.add(timer)
      })
    })
  }

  function tell(child: ChildProcess, words: HostWords): void {
    // Where that cannot be sent any more the child has ended, or is about to.
    if (child.connected) child.send(words, () => {})
  }

  function tellAll(words: HostWords, but?: ChildProcess): void {
    for (const child of children) if (child !== but) tell(child, words)
  }

  function order(what: Order): void {
    for (const child of children) if (child.connected) child.send(what)
  }

  if (count > 0) memory.connect(tellAll)
  const ready = Promise.all(Array.from({ length: count }, startWorker)).then(() => {})
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
          for (const child of children) child.kill('SIGKILL')
        }, options.grace + KILL_AFTER)
        emptied = () => {
          clearTimeout(killer)
          resolve()
        }
        if (children.size === 0) emptied()
      })
    },
  }
}

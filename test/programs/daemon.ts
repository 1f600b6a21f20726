import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Daemon {
  /** What it has written to stderr so far, a line each. */
  readonly log: readonly string[]
  /** Ends it and waits for that. */
  stop(): Promise<void>
}

/**
 * Starts a program that runs until it is stopped. Resolves when a line of its stderr matches
 * `ready`, and rejects with its log if it ends before.
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string; readonly ready: RegExp },
): Promise<Daemon> {
  const { ready, ...rest } = options
  const child = spawn(command, args, { ...rest, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit').catch(() => {})
  const log: string[] = []
  const lines = createInterface({ input: child.stderr! })
  await new Promise<void>((resolve, reject) => {
    const failed = () => reject(new Error(`${command} ended: ${log.join('\n')}`))
    child.once('error', reject)
    child.once('exit', failed)
    lines.on('line', (line) => {
      log.push(line)
      if (ready.test(line)) resolve()
    })
  })
  return { log, stop: () => stop(child, ended) }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

import { spawn } from 'node:child_process'
import { ownChild } from '../../ground/process/own-children.ts'

/** Waits for the end of its input, and then kills the process group that its argument names. */
const SCRIPT = 'trap "" HUP INT TERM; read -r line; kill -s KILL -- "-$1"'

export interface Watchdog {
  /** Ends the watchdog and leaves the process group as it is. */
  dismiss(): void
}

/**
 * Starts a shell that kills a process group if this process ends, in whatever way, before it
 * dismisses the shell. A plugin in a busy loop notices nothing by itself.
 *
 * The shell knows its group as soon as this function has returned, because its argument names it.
 * Words written to its input would be too late if this process were killed at once: Bun writes them
 * only on its next turn.
 */
export function startWatchdog(group: number): Watchdog {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', String(group)], {
    env: {},
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  ownChild(shell)
  shell.on('error', () => {}) // without a shell, a plugin ends at its limit of processor time
  shell.stdin.on('error', () => {})
  shell.unref()
  return { dismiss: () => shell.kill('SIGKILL') }
}
